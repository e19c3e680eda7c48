import { describe, expect, test } from "vitest";

import {
  IDLE,
  TRANSITIONS,
  endWords,
  isTrouble,
  refusedWords,
  step,
  type CallEvent,
  type CallState,
} from "../../client/call";

const place: CallEvent = { type: "place" };
const ringing: CallEvent = { type: "ringing" };
const answered: CallEvent = { type: "answered" };
const hangUp: CallEvent = { type: "hang-up" };

function after(...events: CallEvent[]): CallState {
  return events.reduce(step, IDLE);
}

describe("a call", () => {
  test("goes from the click over ringing to connected", () => {
    expect(after(place).phase).toBe("calling");
    expect(after(place, ringing).phase).toBe("ringing");
    expect(after(place, ringing, answered).phase).toBe("connected");
  });

  test("that is answered before anybody heard it ring is connected", () => {
    expect(after(place, answered).phase).toBe("connected");
  });

  test("that another took over ends in words, and is no trouble", () => {
    const ended = after(place, answered, { type: "handed-over" });
    expect(ended).toEqual({ phase: "ended", reason: { kind: "handed-over" } });
    expect(endWords({ kind: "handed-over" }, "bob")).toBe("You handed the call over.");
    expect(isTrouble({ kind: "handed-over" })).toBe(false);
  });

  test("that I accept is connected at once", () => {
    expect(after({ type: "accept" }).phase).toBe("connected");
  });

  test("that is declined ends with the code", () => {
    expect(after(place, ringing, { type: "refused", code: 603 })).toEqual({
      phase: "ended",
      reason: { kind: "refused", code: 603 },
    });
  });

  test("that I accepted too late ends with the code of the cancel", () => {
    expect(after({ type: "accept" }, { type: "refused", code: 487 })).toEqual({
      phase: "ended",
      reason: { kind: "refused", code: 487 },
    });
  });

  test("keeps the reason of its first end whatever comes later", () => {
    const ended = after(place, hangUp);
    const late: CallEvent[] = [
      answered,
      ringing,
      { type: "refused", code: 408 },
      { type: "others-left", wereLost: false },
      place,
    ];
    for (const event of late) expect(step(ended, event)).toBe(ended);
  });

  test("does not go back to ringing once it is connected", () => {
    const connected = after(place, answered);
    expect(step(connected, ringing)).toBe(connected);
  });

  test("knows nothing of events that its phase has no row for", () => {
    expect(step(IDLE, hangUp)).toBe(IDLE);
    expect(step(IDLE, answered)).toBe(IDLE);
  });

  test.each(["calling", "ringing", "connected"] as const)("can end in every way while %s", (phase) => {
    const ways = ["refused", "hang-up", "others-left", "expelled", "destroyed", "failed"] as const;
    for (const way of ways) expect(TRANSITIONS[phase][way]).toBe("ended");
  });
});

describe("the end of a call in words", () => {
  test.each([
    [603, "Bob declined."],
    [408, "No answer from Bob."],
    [404, "Bob cannot be reached: nobody of that name is online."],
    [486, "Bob is busy."],
    [487, "Cancelled, or answered on another device."],
    [503, "No media server is free at the moment."],
    [499, "Something went wrong (code 499)."],
  ])("says what %i means", (code, sentence) => {
    expect(refusedWords(code, "Bob")).toBe(sentence);
    expect(endWords({ kind: "refused", code }, "Bob")).toBe(sentence);
  });

  test("tells who hung up", () => {
    expect(endWords({ kind: "others-left", wereLost: false }, "Bob")).toBe("Bob hung up.");
    expect(endWords({ kind: "hung-up" }, "Bob")).toBe("Call ended.");
    expect(endWords({ kind: "others-left", wereLost: true }, "Bob")).toBe("The connection to Bob was lost.");
  });

  test("tells a device that its user has left on another", () => {
    expect(endWords({ kind: "expelled", text: "left" }, "Bob")).toBe("You left this call on another device.");
    expect(endWords({ kind: "expelled", text: "removed" }, "Bob")).toContain("removed");
  });

  test("names the server's reason", () => {
    expect(endWords({ kind: "destroyed", text: "media server lost" }, "Bob")).toContain("media server lost");
  });

  test("is an alarm only when nobody wanted it", () => {
    expect(isTrouble({ kind: "hung-up" })).toBe(false);
    expect(isTrouble({ kind: "others-left", wereLost: false })).toBe(false);
    expect(isTrouble({ kind: "refused", code: 603 })).toBe(true);
    expect(isTrouble({ kind: "destroyed", text: "x" })).toBe(true);
  });
});
