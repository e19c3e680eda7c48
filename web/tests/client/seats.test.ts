import { describe, expect, test } from "vitest";

import {
  EMPTY_ROSTER,
  MAX_SEATS,
  others,
  participantsChanged,
  seatsChanged,
  seatsNeeded,
  seatsOffered,
  seatsToOffer,
  snapshotTaken,
  tiles,
  tracksChanged,
  type Occupant,
  type Roster,
  type SeatMids,
  type Track,
} from "../../client/seats";

const SEATS: SeatMids[] = [
  { seat: 1, mids: { audio: "4", video: "5" } },
  { seat: 0, mids: { audio: "2", video: "3" } },
];

function track(id: string, kind: "audio" | "video", source: Track["source"], muted = false): Track {
  return { track: id, participant: "bob", peer: "p2", kind, source, muted };
}

function bobAt(audio: string | null, video: string | null, source: Occupant["source"] = "camera"): Occupant {
  return { participant: "bob", peer: "p2", source, track: { audio, video } };
}

function joined(tracks: Track[] = []): Roster {
  const participants = [
    { participant: "alice", peer: "p1" },
    { participant: "bob", peer: "p2" },
  ];
  return seatsOffered(snapshotTaken(EMPTY_ROSTER, { peer: "p1", participants, tracks }), SEATS);
}

describe("the roster", () => {
  test("leaves this device out of the others, but not my other device", () => {
    const roster = participantsChanged(joined(), { joined: [{ participant: "alice", peer: "p3" }] });
    expect(others(roster).map((one) => one.peer)).toEqual(["p2", "p3"]);
  });

  test("forgets who left", () => {
    const roster = participantsChanged(joined(), { left: [{ participant: "bob", peer: "p2" }] });
    expect(others(roster)).toEqual([]);
  });

  test("takes a snapshot as the whole truth", () => {
    const roster = snapshotTaken(joined([track("p2:0", "audio", "microphone")]), { peer: "p1" });
    expect(roster.participants.size).toBe(0);
    expect(roster.tracks.size).toBe(0);
    expect(roster.seats).toHaveLength(2);
  });

  test("keeps seats in their order", () => {
    expect(joined().seats.map((one) => one.seat)).toEqual([0, 1]);
  });
});

describe("tiles", () => {
  test("are the seats that somebody sits in", () => {
    const roster = seatsChanged(joined(), { "1": bobAt("p2:0", "p2:1") });
    expect(tiles(roster).map((one) => one.seat)).toEqual([1]);
  });

  test("go when a seat falls empty", () => {
    const seated = seatsChanged(joined(), { "0": bobAt("p2:0", "p2:1") });
    expect(tiles(seatsChanged(seated, { "0": null }))).toEqual([]);
  });

  test("wait for the answer that names their m-lines", () => {
    const early = seatsChanged(EMPTY_ROSTER, { "0": bobAt("p2:0", "p2:1") });
    expect(tiles(early)).toEqual([]);
    expect(tiles(seatsOffered(early, SEATS))).toHaveLength(1);
  });

  test("have no picture while the camera is off, or where there is none", () => {
    const camera = track("p2:1", "video", "camera");
    const roster = seatsChanged(joined([camera]), { "0": bobAt(null, "p2:1") });
    expect(tiles(roster)[0]?.hasVideo).toBe(true);
    expect(tiles(tracksChanged(roster, { changed: [{ ...camera, muted: true }] }))[0]?.hasVideo).toBe(false);
    expect(tiles(seatsChanged(roster, { "0": bobAt(null, null) }))[0]?.hasVideo).toBe(false);
  });

  test("have no picture while the node holds it back, and say so", () => {
    const camera = track("p2:1", "video", "camera");
    const paused = seatsChanged(joined([camera]), { "0": { ...bobAt(null, "p2:1"), paused: true } });
    expect(tiles(paused)[0]).toMatchObject({ hasVideo: false, isPaused: true });
    expect(tiles(seatsChanged(paused, { "0": bobAt(null, "p2:1") }))[0]).toMatchObject({
      hasVideo: true,
      isPaused: false,
    });
  });

  test("are not called paused where there would be no picture anyway", () => {
    const camera = track("p2:1", "video", "camera", true);
    const roster = seatsChanged(joined([camera]), { "0": { ...bobAt("p2:0", "p2:1"), paused: true } });
    expect(tiles(roster)[0]?.isPaused).toBe(false);
    expect(tiles(seatsChanged(roster, { "0": { ...bobAt("p2:0", null), paused: true } }))[0]?.isPaused).toBe(false);
  });

  test("say who is muted", () => {
    const microphone = track("p2:0", "audio", "microphone");
    const roster = seatsChanged(joined([microphone]), { "0": bobAt("p2:0", null) });
    expect(tiles(roster)[0]?.isMuted).toBe(false);
    expect(tiles(tracksChanged(roster, { changed: [{ ...microphone, muted: true }] }))[0]?.isMuted).toBe(true);
  });

  test("of a screen are not called muted for want of sound", () => {
    const roster = seatsChanged(joined(), { "0": bobAt(null, "p2:2", "screen") });
    expect(tiles(roster)[0]?.isMuted).toBe(false);
  });
});

describe("seats", () => {
  test("are needed for everybody else and for each of their screens", () => {
    const roster = joined([track("p2:1", "video", "camera"), track("p2:2", "video", "screen")]);
    expect(seatsNeeded(roster)).toBe(2);
    expect(seatsNeeded(tracksChanged(roster, { unpublished: ["p2:2"] }))).toBe(1);
  });

  test("are not needed for my own screen", () => {
    const mine: Track = { ...track("p1:9", "video", "screen"), participant: "alice", peer: "p1" };
    expect(seatsNeeded(joined([mine]))).toBe(1);
  });

  test.each([
    { have: 4, needed: 0, offered: 4 },
    { have: 4, needed: 4, offered: 4 },
    { have: 4, needed: 5, offered: 8 },
    { have: 4, needed: 9, offered: 12 },
    { have: 8, needed: 3, offered: 8 },
    { have: 20, needed: 90, offered: MAX_SEATS },
    { have: MAX_SEATS, needed: 90, offered: MAX_SEATS },
  ])("come in batches: $have with $needed needed become $offered", ({ have, needed, offered }) => {
    expect(seatsToOffer(have, needed)).toBe(offered);
  });
});
