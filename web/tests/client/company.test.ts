import { describe, expect, test } from "vitest";

import {
  NOBODY,
  REASON_MS,
  RETURN_MS,
  accepted,
  deadline,
  isOver,
  left,
  present,
  rejoining,
  type Company,
} from "../../client/company";

const T0 = 1_000;
const LATER = T0 + 1e9;

function withBob(): Company {
  return present(NOBODY, ["bob"], T0);
}

describe("a call", () => {
  test("that nobody has joined yet is not over", () => {
    expect(isOver(NOBODY, LATER)).toBe(false);
    expect(isOver(accepted(NOBODY, "bob"), LATER)).toBe(false);
  });

  test("is over at once when the last one hangs up", () => {
    expect(isOver(left(withBob(), "bob", false, T0), T0)).toBe(true);
  });

  test("waits for the reason when the node is the first to say that somebody is gone", () => {
    const gone = present(withBob(), [], T0);
    expect(isOver(gone, T0)).toBe(false);
    expect(isOver(left(gone, "bob", false, T0 + 10), T0 + 10)).toBe(true);
  });

  test("is over without a reason when none comes", () => {
    const gone = present(withBob(), [], T0);
    expect(deadline(gone)).toBe(T0 + REASON_MS);
    expect(isOver(gone, T0 + REASON_MS)).toBe(true);
    expect(gone.wasLost).toBe(false);
  });

  test("waits for one whose connection was lost, and goes on when he is back", () => {
    const lost = left(present(withBob(), [], T0), "bob", true, T0 + 10);
    expect(isOver(lost, T0 + REASON_MS + 1)).toBe(false);
    const back = present(lost, ["bob"], T0 + 5_000);
    expect(isOver(back, LATER)).toBe(false);
    expect(deadline(back)).toBeNull();
  });

  test("is over when a lost one stays away, and knows that he was lost", () => {
    const lost = left(withBob(), "bob", true, T0);
    expect(isOver(lost, T0 + RETURN_MS)).toBe(true);
    expect(lost.wasLost).toBe(true);
  });

  test("is not over while another one is there", () => {
    const three = present(NOBODY, ["bob", "carol"], T0);
    expect(isOver(left(three, "bob", false, T0), LATER)).toBe(false);
  });

  test("is not over while one who accepted has not come yet", () => {
    const company = left(accepted(withBob(), "carol"), "bob", false, T0);
    expect(isOver(company, LATER)).toBe(false);
    expect(isOver(left(company, "carol", false, T0), T0)).toBe(true);
  });

  test("is over when the one who accepted leaves before his media came", () => {
    expect(isOver(left(accepted(NOBODY, "bob"), "bob", false, T0), T0)).toBe(true);
  });

  test("gives the others time to come back when I had to join anew", () => {
    const alone = present(rejoining(withBob(), T0), [], T0 + 100);
    expect(isOver(alone, T0 + REASON_MS + 200)).toBe(false);
    expect(isOver(alone, T0 + RETURN_MS)).toBe(true);
  });

  test("does not wait for one who accepted and is there already", () => {
    const company = accepted(withBob(), "bob");
    expect(company).toEqual(withBob());
  });
});
