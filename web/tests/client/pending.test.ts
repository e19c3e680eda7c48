import { expect, test } from "vitest";

import { parseFrame } from "../../client/frames";
import { Pending, type Outcome } from "../../client/pending";

function outcome(frame: object): Outcome {
  const parsed = parseFrame(frame);
  if (parsed?.kind !== "answer" && parsed?.kind !== "cancel") throw new Error("not an outcome");
  return parsed;
}

function waitingFor(pending: Pending, name: string, requestID: string): { settled: Outcome[]; failed: Error[] } {
  const seen: { settled: Outcome[]; failed: Error[] } = { settled: [], failed: [] };
  pending.add({
    name,
    requestID,
    frame: { request: name, requestID },
    settle: (one) => seen.settled.push(one),
    fail: (error) => seen.failed.push(error),
  });
  return seen;
}

test("an answer that comes as ack and as frame settles its request once", () => {
  const pending = new Pending();
  const seen = waitingFor(pending, "createRoom", "a");
  const answer = outcome({ answer: "createRoom", requestID: "a", payload: {} });
  expect(pending.settle(answer)).toBe(true);
  expect(pending.settle(answer)).toBe(false);
  expect(seen.settled).toEqual([answer]);
});

test("a cancel settles the invitation that it names and no other", () => {
  const pending = new Pending();
  const first = waitingFor(pending, "invitation", "a");
  const second = waitingFor(pending, "invitation", "b");
  pending.settle(outcome({ cancel: "invitation", requestID: "b", error: 408 }));
  expect(first.settled).toEqual([]);
  expect(second.settled).toHaveLength(1);
});

test("a cancel of an invitation to us is nobody's answer", () => {
  const pending = new Pending();
  waitingFor(pending, "invitation", "mine");
  expect(pending.settle(outcome({ cancel: "invitation", requestID: "theirs", error: 487 }))).toBe(false);
});

test("leaving is answered by a cancel without request id", () => {
  const pending = new Pending();
  const seen = waitingFor(pending, "leaveRoom", "a");
  pending.settle(outcome({ cancel: "leaveRoom", error: 403, message: "user not included into ACL" }));
  expect(seen.settled).toHaveLength(1);
});

test("what is not answered yet can be sent again, in order", () => {
  const pending = new Pending();
  waitingFor(pending, "createRoom", "a");
  waitingFor(pending, "invitation", "b");
  waitingFor(pending, "leaveRoom", "c");
  pending.settle(outcome({ answer: "invitation", requestID: "b" }));
  expect(pending.unanswered().map((one) => one.requestID)).toEqual(["a", "c"]);
});

test("closing fails what waits, once", () => {
  const pending = new Pending();
  const seen = waitingFor(pending, "createRoom", "a");
  pending.failAll(new Error("closed"));
  pending.failAll(new Error("closed"));
  expect(seen.failed).toHaveLength(1);
});
