/**
 * What a transfer is to those whom it concerns, in words.  No sockets, no clock.
 *
 * signaling's events and answers -> **transfer** -> call session, calls
 */

import { words, type ErrorCode } from "./errors";
import { text, type EventFrame } from "./frames";

/** Signaling's reason for somebody who left because of one. */
export const TRANSFERRED = "transferred";

export interface Transfer {
  readonly kind: "blind" | "attended" | null;
  readonly state: string;
  /** Who asked for it. */
  readonly by: string;
  /** Blind: who takes his place.  Attended: who moves to the other call. */
  readonly to: string;
}

type NameOf = (user: string) => string;

export function transferOf(payload: EventFrame["payload"]): Transfer {
  const kind = payload.kind === "blind" || payload.kind === "attended" ? payload.kind : null;
  const [state, by, to] = [payload.state, payload.userId, payload.to].map((one) => text(one) ?? "");
  return { kind, state: state ?? "", by: by ?? "", to: to ?? "" };
}

/** What `me` is told, who is in a call with `company`; null: nothing. */
export function transferWords(
  transfer: Transfer,
  me: string,
  company: readonly string[],
  nameOf: NameOf,
): string | null {
  const { kind, state, by, to } = transfer;
  if (kind === null || state !== "started" || by === me || to === me) return null;
  if (kind === "blind") return `${nameOf(by)} is handing this call over to ${nameOf(to)}.`;
  return company.includes(to)
    ? `${nameOf(by)} is taking ${nameOf(to)} to another call.`
    : `${nameOf(by)} is bringing ${nameOf(to)} into this call.`;
}

/** What somebody is told who was moved by `by` to where `first` is. */
export function movedWords(by: string, first: string | undefined, nameOf: NameOf): string {
  if (by === "" || first === undefined) return "You were transferred.";
  return `${nameOf(by)} has connected you with ${nameOf(first)}.`;
}

/** What I am told who asked for one, when `name` could not be brought into the other call. */
export function notConnected(name: string, code: ErrorCode): string {
  if (code === 408)
    return `${name} could not be connected: their device did not come over. You are still in both calls.`;
  if (code === 403) return `${name} could not be connected: one of the calls is locked, or not yours any more.`;
  if (code === 486) return `${name} could not be connected: the other call is full.`;
  if (code === 409) return `${name} is in the other call already.`;
  if (code === 487) return `${name} could not be connected: the other call is over.`;
  return `${name} could not be connected. ${words(code)}`;
}
