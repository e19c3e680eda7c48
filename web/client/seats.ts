/**
 * Who is in the room, and who sits where.  No sockets, no clock.
 *
 * node's answers and events -> **roster** -> tiles of a page
 *
 * A seat is a pair of m-lines (by their mids) that shows one participant, or one screen, at a time.  The node decides who
 * sits where and says so; a client only has to offer seats enough.
 */

export type Source = "camera" | "microphone" | "screen" | "screen-audio";

export interface Participant {
  readonly participant: string;
  readonly peer: string;
}

export interface Track {
  readonly track: string;
  readonly participant: string;
  readonly peer: string;
  readonly kind: "audio" | "video";
  readonly source: Source;
  readonly muted: boolean;
}

/** One seat of an answer: its number and its two m-lines. */
export interface SeatMids {
  readonly seat: number;
  readonly mids: { readonly audio: string; readonly video: string };
}

/** Who sits in a seat; `track` names what its m-lines carry, null where there is nothing of that kind. */
export interface Occupant {
  readonly participant: string;
  readonly peer: string;
  readonly source: "camera" | "screen";
  readonly track: { readonly audio: string | null; readonly video: string | null };
  /** Why the seat's video is empty though there is some (for example: no common codec). */
  readonly reason?: string;
  /** Whether the node holds the picture back, as the way to us does not carry it. */
  readonly paused?: boolean;
}

export interface Roster {
  readonly peer: string;
  readonly participants: ReadonlyMap<string, Participant>;
  readonly tracks: ReadonlyMap<string, Track>;
  readonly seats: readonly SeatMids[];
  readonly occupants: ReadonlyMap<number, Occupant>;
}

/** What `join` answers and `resumed` says, as far as the roster looks at it. */
export interface RoomSnapshot {
  readonly peer: string;
  readonly tracks?: readonly Track[];
  readonly participants?: readonly Participant[];
}

/** The m-line on which its publisher sends a track. */
export function midOf(track: string): string {
  return track.slice(track.lastIndexOf(":") + 1);
}

export const EMPTY_ROSTER: Roster = {
  peer: "",
  participants: new Map(),
  tracks: new Map(),
  seats: [],
  occupants: new Map(),
};

/** The roster as a snapshot tells it anew; seats stay, as they are m-lines of ours. */
export function snapshotTaken(roster: Roster, snapshot: RoomSnapshot): Roster {
  return {
    ...roster,
    peer: snapshot.peer,
    participants: new Map((snapshot.participants ?? []).map((one) => [one.peer, one])),
    tracks: new Map((snapshot.tracks ?? []).map((one) => [one.track, one])),
  };
}

/** An answer named the seats of our offer. */
export function seatsOffered(roster: Roster, seats: readonly SeatMids[]): Roster {
  return { ...roster, seats: [...seats].sort((a, b) => a.seat - b.seat) };
}

/** The node's `seats`: who sits where from now on, changed seats only. */
export function seatsChanged(roster: Roster, changes: Readonly<Record<string, Occupant | null>>): Roster {
  const occupants = new Map(roster.occupants);
  for (const [seat, occupant] of Object.entries(changes)) {
    if (occupant === null) occupants.delete(Number(seat));
    else occupants.set(Number(seat), occupant);
  }
  return { ...roster, occupants };
}

export interface ParticipantsChange {
  readonly joined?: readonly Participant[];
  readonly left?: readonly Participant[];
}

export function participantsChanged(roster: Roster, change: ParticipantsChange): Roster {
  const participants = new Map(roster.participants);
  for (const one of change.joined ?? []) participants.set(one.peer, one);
  for (const one of change.left ?? []) participants.delete(one.peer);
  return { ...roster, participants };
}

export interface TracksChange {
  readonly published?: readonly Track[];
  readonly changed?: readonly Track[];
  readonly unpublished?: readonly string[];
}

export function tracksChanged(roster: Roster, change: TracksChange): Roster {
  const tracks = new Map(roster.tracks);
  for (const one of [...(change.published ?? []), ...(change.changed ?? [])]) tracks.set(one.track, one);
  for (const track of change.unpublished ?? []) tracks.delete(track);
  return { ...roster, tracks };
}

/** Everybody in the room but this device. */
export function others(roster: Roster): Participant[] {
  return [...roster.participants.values()].filter((one) => one.peer !== roster.peer);
}

/** Seats that it takes to show everybody: one each, and one a shared screen. */
export function seatsNeeded(roster: Roster): number {
  const screens = [...roster.tracks.values()].filter((one) => one.source === "screen" && one.peer !== roster.peer);
  return others(roster).length + screens.length;
}

export const FIRST_SEATS = 4;
export const SEAT_BATCH = 4;
/** An offer of 25 seats takes Chromium about a second, of 49 two: beyond this the node chooses whom to show. */
export const MAX_SEATS = 24;

/** How many seats to have: batches, so that a room that fills up costs few offers; never fewer than now. */
export function seatsToOffer(have: number, needed: number): number {
  if (needed <= have) return have;
  const batches = Math.ceil((needed - have) / SEAT_BATCH);
  return Math.min(MAX_SEATS, have + batches * SEAT_BATCH);
}

/** A tile of a page: a seat that somebody sits in. */
export interface Tile extends SeatMids {
  readonly occupant: Occupant;
  /** Whether there is a picture to show: a seat keeps its last one, so what is said here counts. */
  readonly hasVideo: boolean;
  /** Whether there would be one, if our connection were faster. */
  readonly isPaused: boolean;
  readonly isMuted: boolean;
}

export function tiles(roster: Roster): Tile[] {
  return roster.seats.flatMap((seat) => {
    const occupant = roster.occupants.get(seat.seat);
    return occupant === undefined ? [] : [tile(roster, seat, occupant)];
  });
}

function tile(roster: Roster, seat: SeatMids, occupant: Occupant): Tile {
  const { audio, video } = occupant.track;
  const isShown = video !== null && roster.tracks.get(video)?.muted !== true;
  const isPaused = isShown && occupant.paused === true;
  return {
    ...seat,
    occupant,
    hasVideo: isShown && !isPaused,
    isPaused,
    isMuted: occupant.source === "camera" && (audio === null || roster.tracks.get(audio)?.muted === true),
  };
}
