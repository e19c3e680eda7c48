/**
 * Requests that wait for their answer.  No sockets, no clock.
 *
 * signaling's frames and acks -> **pending** -> the promise of whoever asked
 *
 * An answer comes twice (as the ack and as a frame) and settles its request once.  A request lives on through a lost
 * connection: it is sent again under its id, and signaling answers the same and does nothing twice.
 */

import type { AnswerFrame, CancelFrame } from "./frames";

export type Outcome = AnswerFrame | CancelFrame;

export interface Waiting {
  readonly name: string;
  readonly requestID: string;
  readonly frame: object;
  readonly settle: (outcome: Outcome) => void;
  readonly fail: (error: Error) => void;
}

export class Pending {
  readonly #waiting = new Map<string, Waiting>();

  add(waiting: Waiting): void {
    this.#waiting.set(waiting.requestID, waiting);
  }

  drop(requestID: string): void {
    this.#waiting.delete(requestID);
  }

  /** True when `outcome` was the answer to one of ours, now or before the last frame. */
  settle(outcome: Outcome): boolean {
    const waiting = this.#find(outcome);
    if (waiting === undefined) return false;
    this.#waiting.delete(waiting.requestID);
    waiting.settle(outcome);
    return true;
  }

  failAll(error: Error): void {
    for (const waiting of this.unanswered()) waiting.fail(error);
    this.#waiting.clear();
  }

  unanswered(): Waiting[] {
    return [...this.#waiting.values()];
  }

  #find(outcome: Outcome): Waiting | undefined {
    if (outcome.requestID !== undefined) return this.#waiting.get(outcome.requestID);
    // `{"cancel":"leaveRoom","error":403,...}` has no requestID: it is the answer to the oldest request of that name.
    const name = outcome.kind === "cancel" ? outcome.cancel : outcome.answer;
    return this.unanswered().find((one) => one.name === name);
  }
}
