import { describe, expect, test } from "vitest";

import { columnsFor, duration, hueOf, initials, listed } from "../../app/rules";

describe("tiles", () => {
  test.each([
    { count: 1, width: 1600, height: 900, columns: 1 },
    { count: 2, width: 1600, height: 900, columns: 2 },
    { count: 2, width: 400, height: 800, columns: 1 },
    { count: 4, width: 1600, height: 900, columns: 2 },
    { count: 5, width: 1600, height: 900, columns: 3 },
    { count: 9, width: 1600, height: 900, columns: 3 },
    { count: 3, width: 400, height: 800, columns: 1 },
    { count: 3, width: 0, height: 0, columns: 1 },
  ])("$count of them on $width × $height stand in $columns columns", ({ count, width, height, columns }) => {
    expect(columnsFor(count, width, height)).toBe(columns);
  });
});

test.each([
  [0, "0:00"],
  [9.9, "0:09"],
  [75, "1:15"],
  [3600, "1:00:00"],
  [3725, "1:02:05"],
  [-3, "0:00"],
])("%f s are shown as %s", (seconds, shown) => {
  expect(duration(seconds)).toBe(shown);
});

test.each([
  [[], ""],
  [["Bob"], "Bob"],
  [["Bob", "Carol"], "Bob and Carol"],
  [["Bob", "Carol", "Dave"], "Bob, Carol and Dave"],
])("%j are listed as %s", (names, shown) => {
  expect(listed(names)).toBe(shown);
});

test.each([
  ["alice", "A"],
  ["Alice Liddell", "AL"],
  ["maria del carmen", "MC"],
  ["bob@example.org", "BO"],
  ["", ""],
  ["🦊 fox", "🦊F"],
])("%s has the initials %s", (name, letters) => {
  expect(initials(name)).toBe(letters);
});

test("a name has one colour, however it is written", () => {
  expect(hueOf("Alice")).toBe(hueOf("alice"));
  expect(hueOf("alice")).toBeGreaterThanOrEqual(0);
  expect(hueOf("alice")).toBeLessThan(360);
});
