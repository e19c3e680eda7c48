import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { TertuliaError } from "../../client/errors";
import { PINNED, linesDrawn, pictureSize, stepped, viewOf, type Drawn, type View } from "../../client/view";
import { Viewing } from "../../client/viewing";

const WIDE = 16 / 9;

function drawn(width: number, height: number, isFilled: boolean, aspect = WIDE): Drawn {
  return { width, height, isFilled, aspect };
}

describe("a picture as it is drawn", () => {
  test.each([
    { what: "fits", one: drawn(640, 360, true), lines: 360 },
    { what: "loses its sides", one: drawn(400, 800, true), lines: 800 },
    { what: "loses top and bottom", one: drawn(1600, 300, true), lines: 900 },
    { what: "is seen whole in a wide place", one: drawn(1600, 300, false), lines: 300 },
    { what: "is seen whole in a high place", one: drawn(320, 800, false), lines: 180 },
    { what: "is higher than wide", one: drawn(360, 640, true, 9 / 16), lines: 640 },
    { what: "is not drawn", one: drawn(0, 0, true), lines: 0 },
  ])("that $what has $lines lines", ({ one, lines }) => {
    expect(linesDrawn(one)).toBeCloseTo(lines);
  });
});

describe("the size that is asked for", () => {
  test.each([
    [1, 90],
    [90, 90],
    [91, 180],
    [360, 360],
    [361, 540],
    [1081, 1440],
    [5000, 2160],
    [0, 0],
  ])("of %d lines is %d at first", (lines, step) => {
    expect(stepped(lines, 0)).toBe(step);
  });

  test.each([
    { lines: 380, before: 360, after: 360 },
    { lines: 399, before: 360, after: 360 },
    { lines: 401, before: 360, after: 540 },
    { lines: 350, before: 540, after: 540 },
    { lines: 320, before: 540, after: 360 },
    { lines: 100, before: 720, after: 180 },
    { lines: 0, before: 720, after: 0 },
    { lines: 9000, before: 2160, after: 2160 },
  ])("of $lines lines after $before is $after", ({ lines, before, after }) => {
    expect(stepped(lines, before)).toBe(after);
  });

  test("does not go up and down with an edge that moves by a few pixels", () => {
    let [step, changes] = [0, 0];
    for (let turn = 0; turn < 100; turn++) {
      const next = stepped(355 + (turn % 10), step);
      changes += next === step ? 0 : 1;
      step = next;
    }
    expect(changes).toBe(1);
  });

  test("is told in whole pixels, 16 wide for 9 high", () => {
    expect(pictureSize(0)).toEqual({ width: 0, height: 0 });
    for (let lines = 1; lines <= 3_000; lines++) {
      const { width, height } = pictureSize(stepped(lines, 0));
      expect([Number.isInteger(width), width * 9]).toEqual([true, height * 16]);
    }
  });
});

describe("a view", () => {
  const sizes = new Map([
    [1, pictureSize(180)],
    [0, pictureSize(720)],
  ]);
  const pins = new Map([
    [0, { participant: "bob", source: "camera" } as const],
    [7, { participant: "carol", source: "screen" } as const],
  ]);

  test("has sizes and pins in one", () => {
    expect(viewOf(sizes, pins, [0, 1, 2, 7])).toEqual({
      "0": { participant: "bob", source: "camera", priority: PINNED, width: 1280, height: 720 },
      "1": { width: 320, height: 180 },
      "7": { participant: "carol", source: "screen", priority: PINNED },
    });
  });

  test("leaves out seats that are not there", () => {
    expect(Object.keys(viewOf(sizes, pins, [0, 2]))).toEqual(["0"]);
  });
});

describe("what the node is told of it", () => {
  let told: { view: View; at: number }[] = [];
  let refusal: TertuliaError | null = null;
  let seats: readonly number[] = [];
  let viewing: Viewing;

  beforeEach(() => {
    vi.useFakeTimers();
    told = [];
    refusal = null;
    seats = [0, 1, 2, 3];
    viewing = new Viewing(
      (view) => {
        told.push({ view, at: performance.now() });
        return refusal === null ? Promise.resolve({}) : Promise.reject(refusal);
      },
      () => seats,
    );
  });
  afterEach(() => {
    viewing.stop();
    vi.useRealTimers();
  });

  test("is nothing where nothing is watched", async () => {
    viewing.restate();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual([]);
  });

  test("comes together for seats that change together", async () => {
    viewing.look(0, pictureSize(360));
    viewing.look(1, pictureSize(180));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told.map((one) => Object.keys(one.view))).toEqual([["0", "1"]]);
  });

  test("comes at most twice a second, the last state always", async () => {
    for (let turn = 1; turn <= 100; turn++) {
      viewing.look(0, pictureSize(turn % 2 === 0 ? 360 : 180));
      viewing.look(1, pictureSize(turn * 9));
      await vi.advanceTimersByTimeAsync(20);
    }
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told.length).toBeLessThanOrEqual(5);
    expect(told.at(-1)?.view["1"]?.height).toBe(900);
    const gaps = told.slice(1).map(({ at }, index) => at - (told[index]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(500);
  });

  test("does not come for what is as it was", async () => {
    viewing.look(0, pictureSize(360));
    await vi.advanceTimersByTimeAsync(1_000);
    viewing.look(0, pictureSize(360));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toHaveLength(1);
  });

  test("keeps a pin when a size changes, and the size when the pin goes", async () => {
    viewing.pin(0, { participant: "bob", source: "camera" });
    await vi.advanceTimersByTimeAsync(1_000);
    viewing.look(0, pictureSize(360));
    await vi.advanceTimersByTimeAsync(1_000);
    viewing.pin(0, null);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told.map((one) => one.view["0"])).toEqual([
      { participant: "bob", source: "camera", priority: PINNED },
      { participant: "bob", source: "camera", priority: PINNED, width: 640, height: 360 },
      { width: 640, height: 360 },
    ]);
  });

  test("says that a seat is hidden, and nothing of one that is watched no more", async () => {
    viewing.look(0, pictureSize(0));
    viewing.look(1, pictureSize(180));
    await vi.advanceTimersByTimeAsync(1_000);
    viewing.look(1, null);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told.at(-1)?.view).toEqual({ "0": { width: 0, height: 0 } });
  });

  test("is said again when we have joined anew", async () => {
    viewing.look(0, pictureSize(360));
    await vi.advanceTimersByTimeAsync(1_000);
    viewing.restate();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toHaveLength(2);
    expect(told[1]?.view).toEqual(told[0]?.view);
  });

  test("that could not be said is said when it can be", async () => {
    refusal = new TertuliaError("unreachable");
    viewing.look(0, pictureSize(360));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told).toHaveLength(1);
    refusal = null;
    viewing.catchUp();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told).toHaveLength(2);
    viewing.catchUp();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told).toHaveLength(2);
  });

  test.each([429, 500, 404, "timeout"] as const)("is tried again by itself after %s", async (code) => {
    refusal = new TertuliaError(code);
    viewing.look(0, pictureSize(360));
    await vi.advanceTimersByTimeAsync(300);
    refusal = null;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told).toHaveLength(2);
  });

  test("is not tried again as long as it is the same and was not understood", async () => {
    refusal = new TertuliaError(400);
    viewing.look(0, pictureSize(360));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told).toHaveLength(1);
  });

  test("has a pin whose seat is gone once that is there again", async () => {
    viewing.look(0, pictureSize(360));
    viewing.pin(3, { participant: "bob", source: "camera" });
    seats = [0];
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told.map((one) => Object.keys(one.view))).toEqual([["0"]]);
    seats = [0, 1, 2, 3];
    viewing.catchUp();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told.at(-1)?.view["3"]?.participant).toBe("bob");
  });

  test("is nothing any more after the end", async () => {
    viewing.look(0, pictureSize(360));
    viewing.stop();
    viewing.look(0, pictureSize(720));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told).toEqual([]);
  });
});
