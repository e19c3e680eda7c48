import { describe, expect, test } from "vitest";

import { movedWords, notConnected, transferOf, transferWords } from "../../client/transfer";

const nameOf = (user: string) => user.toUpperCase();

function told(fields: object, me = "me", company: string[] = ["bob"]): string | null {
  const transfer = transferOf({ kind: "attended", state: "started", userId: "alice", to: "carol", ...fields });
  return transferWords(transfer, me, company, nameOf);
}

describe("a transfer is told", () => {
  test("to those who stay, as somebody who hands over, brings or takes", () => {
    expect(told({ kind: "blind" })).toBe("ALICE is handing this call over to CAROL.");
    expect(told({})).toBe("ALICE is bringing CAROL into this call.");
    expect(told({ to: "bob" })).toBe("ALICE is taking BOB to another call.");
  });

  test("neither to whoever asked for it nor to whoever moves", () => {
    expect(told({}, "alice")).toBeNull();
    expect(told({}, "carol")).toBeNull();
  });

  test("once: when it starts, and not when it is of no kind that we know", () => {
    for (const state of ["ringing", "completed", "failed", 7]) expect(told({ state })).toBeNull();
    expect(told({ kind: "other" })).toBeNull();
  });

  test("to whoever was moved, with the names where they are known", () => {
    expect(movedWords("alice", "carol", nameOf)).toBe("ALICE has connected you with CAROL.");
    expect(movedWords("", "carol", nameOf)).toBe("You were transferred.");
    expect(movedWords("alice", undefined, nameOf)).toBe("You were transferred.");
  });

  test.each([
    [408, "did not come over"],
    [403, "locked"],
    [486, "full"],
    [409, "in the other call already"],
    [487, "is over"],
    [503, "No media server is free"],
    ["closed", "The connection was closed."],
  ] as const)("as failed with %s in words that name who was to come", (code, words) => {
    expect(notConnected("Bob", code)).toContain(words);
    expect(notConnected("Bob", code)).toMatch(/^Bob /);
  });
});
