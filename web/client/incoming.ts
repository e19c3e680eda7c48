/**
 * The invitations that ring on this device.  No sockets, no clock.
 *
 * Each ends in one way, whichever is first: accepted or declined here, or cancelled by signaling (answered on another
 * device, the caller gave up, nobody answered).
 */

import type { InvitationFrame, Moved } from "./frames";

/** More than this many ring at once only under attack; later ones are not shown, and so are never answered here. */
export const MAX_RINGING = 8;

export type Incoming = readonly InvitationFrame[];

/** `frame` rings; a repeated one (the same request after a reconnect) takes the place of the first. */
export function ring(incoming: Incoming, frame: InvitationFrame): Incoming {
  const others = incoming.filter((one) => one.requestID !== frame.requestID && one.room.room !== frame.room.room);
  return others.length >= MAX_RINGING ? incoming : [...others, frame];
}

/** What signaling says rings here, after a reconnection: what it does not list any more stops. */
export function ringOnly(incoming: Incoming, listed: readonly InvitationFrame[]): Incoming {
  const going = incoming.filter((one) => listed.some((other) => other.requestID === one.requestID));
  return listed.reduce(ring, going);
}

/** The room to which somebody is invited goes on at another node: that is where an accept leads now. */
export function movedTo(incoming: Incoming, { room, token, server }: Moved): Incoming {
  if (!incoming.some((one) => one.room.room === room)) return incoming;
  return incoming.map((one) => (one.room.room === room ? { ...one, room: { ...one.room, token, server } } : one));
}

export function stopRinging(incoming: Incoming, requestID: string | undefined): Incoming {
  return incoming.some((one) => one.requestID === requestID)
    ? incoming.filter((one) => one.requestID !== requestID)
    : incoming;
}
