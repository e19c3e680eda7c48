import { describe, expect, test } from "vitest";

import { NOTHING, answered, heard, standingOf } from "../../client/standing";
import type { EventFrame, Room } from "../../client/frames";

function event(eventName: string, payload: Record<string, unknown> = {}): EventFrame {
  return { kind: "event", eventName, payload };
}

const ROOM: Room = {
  room: "r",
  token: "t",
  server: { https: "ws://127.0.0.1/sfu1/socket.io", wss: "" },
  ice: [],
  bitrate: 1024,
  participants: ["alice", "bob"],
  held: ["bob"],
  isLocked: true,
};

describe("the standing of a room", () => {
  test("begins as the room's description says", () => {
    expect(standingOf(ROOM)).toEqual({ held: new Set(["bob"]), isLocked: true, muteRequest: null });
  });

  test("knows who is on hold", () => {
    const held = heard(NOTHING, event("participant-held", { userId: "alice" }));
    expect([...held.held]).toEqual(["alice"]);
    expect([...heard(held, event("participant-unheld", { userId: "alice" })).held]).toEqual([]);
  });

  test("keeps somebody on hold whose other device leaves", () => {
    const held = heard(NOTHING, event("participant-held", { userId: "alice" }));
    expect(heard(held, event("participant-left", { userId: "alice" }))).toBe(held);
  });

  test("knows whether it is locked", () => {
    const locked = heard(NOTHING, event("room-locked", { userId: "alice" }));
    expect(locked.isLocked).toBe(true);
    expect(heard(locked, event("room-unlocked", { userId: "bob" })).isLocked).toBe(false);
  });

  test("keeps a mute request until it is answered", () => {
    const asked = heard(NOTHING, event("mute-request", { media: "audio", muted: true, requestedBy: "bob" }));
    expect(asked.muteRequest).toEqual({ by: "bob", media: "audio", muted: true });
    expect(answered(asked).muteRequest).toBeNull();
  });

  test("is the same after what does not concern it", () => {
    expect(heard(NOTHING, event("ringing", { userId: "bob" }))).toBe(NOTHING);
    expect(heard(NOTHING, event("participant-unheld", { userId: "bob" }))).toBe(NOTHING);
  });
});
