/**
 * What signaling says of a room beside its media: who is on hold, whether it is locked, who asks me to mute.  No sockets.
 *
 * signaling's events -> **standing** -> call session
 */

import { text, type EventFrame, type Room } from "./frames";

export interface MuteRequest {
  readonly by: string;
  readonly media: "audio" | "video";
  readonly muted: boolean;
}

export interface Standing {
  readonly held: ReadonlySet<string>;
  readonly isLocked: boolean;
  /** Somebody asks me to mute or unmute, and I have not said yes or no. */
  readonly muteRequest: MuteRequest | null;
}

export const NOTHING: Standing = { held: new Set(), isLocked: false, muteRequest: null };

export function standingOf(room: Room): Standing {
  return { ...NOTHING, held: new Set(room.held), isLocked: room.isLocked };
}

/** The standing after an event; the same object when it says nothing of it. */
export function heard(standing: Standing, { eventName, payload }: EventFrame): Standing {
  const user = text(payload.userId) ?? "";
  switch (eventName) {
    case "participant-held":
      return { ...standing, held: new Set([...standing.held, user]) };
    case "participant-unheld":
      return standing.held.has(user) ? { ...standing, held: without(standing.held, user) } : standing;
    case "room-locked":
      return { ...standing, isLocked: true };
    case "room-unlocked":
      return { ...standing, isLocked: false };
    case "mute-request":
      return { ...standing, muteRequest: muteRequest(payload) };
    default:
      return standing;
  }
}

export function answered(standing: Standing): Standing {
  return { ...standing, muteRequest: null };
}

function without(held: ReadonlySet<string>, user: string): ReadonlySet<string> {
  return new Set([...held].filter((one) => one !== user));
}

function muteRequest(payload: EventFrame["payload"]): MuteRequest {
  const media = payload.media === "video" ? "video" : "audio";
  return { by: text(payload.requestedBy) ?? "", media, muted: payload.muted !== false };
}
