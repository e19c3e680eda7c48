/**
 * One call, from the first click to the reason of its end.  No sockets, no clock.
 *
 * A call is a room and the people who were invited to it.  It is *connected* once one of them answered (for the one who
 * was called: once he accepted); whether media flows is the room connection's to say.  `ended` is final: what crosses a
 * hang-up on the wire finds no row in the table and changes nothing.
 */

import { words, type ErrorCode } from "./errors";

export type Phase = "idle" | "calling" | "ringing" | "connected" | "ended";

export type CallEvent =
  | { readonly type: "place" } // I call somebody
  | { readonly type: "accept" } // I take somebody's invitation
  | { readonly type: "ringing" } // a device of theirs rings
  | { readonly type: "answered" } // they accepted
  | { readonly type: "refused"; readonly code: number } // the invitation ended without an accept
  | { readonly type: "hang-up" } // I hang up, or cancel
  | { readonly type: "others-left"; readonly wereLost: boolean } // nobody else is left in the room
  | { readonly type: "handed-over" } // somebody has taken my place
  | { readonly type: "expelled"; readonly text: string } // the node put me out
  | { readonly type: "destroyed"; readonly text: string } // the room is gone
  | { readonly type: "failed"; readonly text: string }; // we could not go on

export type EndReason =
  | { readonly kind: "hung-up" | "handed-over" }
  | { readonly kind: "others-left"; readonly wereLost: boolean }
  | { readonly kind: "refused"; readonly code: number }
  | { readonly kind: "expelled" | "destroyed" | "failed"; readonly text: string };

export type CallState =
  { readonly phase: Exclude<Phase, "ended"> } | { readonly phase: "ended"; readonly reason: EndReason };

const ENDINGS = {
  refused: "ended",
  "hang-up": "ended",
  "others-left": "ended",
  "handed-over": "ended",
  expelled: "ended",
  destroyed: "ended",
  failed: "ended",
} as const;

export const TRANSITIONS: Readonly<Record<Phase, Readonly<Partial<Record<CallEvent["type"], Phase>>>>> = {
  idle: { place: "calling", accept: "connected" },
  calling: { ...ENDINGS, ringing: "ringing", answered: "connected" },
  ringing: { ...ENDINGS, answered: "connected" },
  connected: ENDINGS, // `refused` here: my accept lost the race against another device or a cancel
  ended: {},
};

export const IDLE: CallState = { phase: "idle" };

/** The state after `event`; the same object when the table has no row for it. */
export function step(state: CallState, event: CallEvent): CallState {
  const next = TRANSITIONS[state.phase][event.type];
  if (next === undefined) return state;
  return next === "ended" ? { phase: "ended", reason: reasonOf(event) } : { phase: next };
}

function reasonOf(event: CallEvent): EndReason {
  switch (event.type) {
    case "refused":
      return { kind: "refused", code: event.code };
    case "expelled":
    case "destroyed":
    case "failed":
      return { kind: event.type, text: event.text };
    case "others-left":
      return { kind: "others-left", wereLost: event.wereLost };
    case "handed-over":
      return { kind: "handed-over" };
    default:
      return { kind: "hung-up" };
  }
}

/** Why a call ended, in words; `name` is who was called or calling. */
export function endWords(reason: EndReason, name: string): string {
  switch (reason.kind) {
    case "hung-up":
      return "Call ended.";
    case "handed-over":
      return "You handed the call over.";
    case "others-left":
      return reason.wereLost ? `The connection to ${name} was lost.` : `${name} hung up.`;
    case "refused":
      return refusedWords(reason.code, name);
    case "expelled":
      if (reason.text === "left") return "You left this call on another device.";
      if (reason.text === "removed") return "You were removed from the call.";
      return `You were taken out of the call: ${reason.text}.`;
    case "destroyed":
      return `The call was ended by the server: ${reason.text}.`;
    case "failed":
      return reason.text;
  }
}

/** Whether an end is worth an alarm: hanging up is not. */
export function isTrouble(reason: EndReason): boolean {
  if (reason.kind === "others-left") return reason.wereLost;
  return reason.kind !== "hung-up" && reason.kind !== "handed-over";
}

/** What an invitation's code means to the one who called `name`. */
export function refusedWords(code: ErrorCode, name: string): string {
  switch (code) {
    case 603:
      return `${name} declined.`;
    case 408:
      return `No answer from ${name}.`;
    case 404:
      return `${name} cannot be reached: nobody of that name is online.`;
    case 486:
      return `${name} is busy.`;
    case 487:
      return "Cancelled, or answered on another device.";
    case 409:
      return `${name} is already invited to this call.`;
    case 403:
      return "The call is locked, or you are not in it any more.";
    default:
      return words(code);
  }
}
