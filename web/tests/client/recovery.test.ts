import { describe, expect, test } from "vitest";

import { GIVE_UP_MS, PATIENCE_MS, RETRY_MS, WELL, advice, observed, restarted } from "../../client/recovery";

const T0 = 10_000;

describe("a connection", () => {
  test("that is well or still being made is left alone", () => {
    for (const state of ["new", "checking", "connected", "completed", "closed"] as const) {
      expect(advice(observed(WELL, state, T0), state, T0)).toEqual({ act: "nothing" });
    }
  });

  test("that is disconnected gets some seconds to come back by itself", () => {
    const troubled = observed(WELL, "disconnected", T0);
    expect(advice(troubled, "disconnected", T0)).toEqual({ act: "wait", until: T0 + PATIENCE_MS });
    expect(advice(troubled, "disconnected", T0 + PATIENCE_MS - 1).act).toBe("wait");
    expect(advice(troubled, "disconnected", T0 + PATIENCE_MS)).toEqual({ act: "restart" });
  });

  test("that came back by itself is well again", () => {
    const troubled = observed(WELL, "disconnected", T0);
    expect(observed(troubled, "connected", T0 + 1_000)).toEqual(WELL);
  });

  test("that has failed is restarted at once, also within the patience", () => {
    const troubled = observed(observed(WELL, "disconnected", T0), "failed", T0 + 500);
    expect(advice(troubled, "failed", T0 + 500)).toEqual({ act: "restart" });
  });

  test("is not restarted again before the last restart had its time", () => {
    const once = restarted(observed(WELL, "failed", T0), T0);
    expect(advice(once, "failed", T0 + 1)).toEqual({ act: "wait", until: T0 + RETRY_MS });
    expect(advice(once, "failed", T0 + RETRY_MS)).toEqual({ act: "restart" });
  });

  test("that checks after a restart is still in trouble", () => {
    const once = restarted(observed(WELL, "failed", T0), T0);
    const checking = observed(once, "checking", T0 + 100);
    expect(advice(checking, "checking", T0 + 100).act).toBe("wait");
    expect(observed(checking, "connected", T0 + 200)).toEqual(WELL);
  });

  test("is joined anew once the node has surely forgotten it", () => {
    const once = restarted(observed(WELL, "failed", T0), T0 + GIVE_UP_MS - 1);
    expect(advice(once, "failed", T0 + GIVE_UP_MS - 1)).toEqual({ act: "wait", until: T0 + GIVE_UP_MS });
    expect(advice(once, "failed", T0 + GIVE_UP_MS)).toEqual({ act: "rejoin" });
  });
});
