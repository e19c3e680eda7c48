import { describe, expect, test } from "vitest";

import type { Reading } from "../../client/quality";
import { SeatQuality } from "../../client/seat-quality";
import type { Tile } from "../../client/seats";

const MIDS = { audio: "0", video: "1" };
const occupant = { participant: "bob", peer: "p", source: "camera", track: { audio: "a", video: "v" } } as const;
const TILE: Tile = { seat: 0, mids: MIDS, occupant, hasVideo: true, isPaused: false, isMuted: false };

function counters(packetsReceived: number, packetsLost: number): ReadonlyMap<string, Reading> {
  return new Map([["1", { packetsReceived, packetsLost, framesDecoded: 0, freezes: 0 }]]);
}

describe("how well a seat comes in", () => {
  test("is not known before the node says it or two readings do", () => {
    const one = new SeatQuality();
    one.read(counters(100, 0), [TILE]);
    expect(one.of(TILE)).toBeNull();
  });

  test("is measured from one reading to the next", () => {
    const one = new SeatQuality();
    one.read(counters(100, 50), [TILE]);
    one.read(counters(200, 50), [TILE]);
    expect(one.of(TILE)).toBe("good");
    one.read(counters(280, 70), [TILE]);
    expect(one.of(TILE)).toBe("poor");
  });

  test("is the worse of what the node says and what is measured", () => {
    const one = new SeatQuality();
    one.tell({ bob: "lost", carol: "good" });
    one.read(counters(100, 0), [TILE]);
    one.read(counters(200, 0), [TILE]);
    expect(one.of(TILE)).toBe("lost");
    one.tell({ bob: "fair" });
    expect(one.of(TILE)).toBe("fair");
  });

  test("is forgotten when nothing comes any more", () => {
    const one = new SeatQuality();
    for (const received of [100, 200, 200]) one.read(counters(received, 0), [TILE]);
    expect(one.of(TILE)).toBeNull();
  });
});
