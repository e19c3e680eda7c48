import { describe, expect, test } from "vitest";

import { seatLines, sentLines, wayLines } from "../../app/figure-lines";
import type { Figures, SeatFigures } from "../../client";

const SEAT: SeatFigures = {
  source: "camera",
  picture: {
    width: 1280,
    height: 720,
    fps: 29.7,
    kbps: 1024.4,
    lossPercent: 0.25,
    jitterMs: 4.2,
    codec: "VP8",
    freezes: 0,
  },
  sound: { kbps: 32, lossPercent: 0, jitterMs: 2, codec: "opus", concealedPercent: 1.04 },
  node: { layer: 2, temporal: 2 },
};

describe("the lines over a tile", () => {
  test("say how picture and sound come in", () => {
    expect(seatLines(SEAT, 24)).toEqual([
      "1280×720 · 30 fps · layer h/T2",
      "1024 kbit/s · VP8",
      "loss 0.3 % · jitter 4 ms",
      "RTT 24 ms · freezes 0",
      "32 kbit/s · opus",
      "loss 0.0 % · concealed 1.0 %",
    ]);
  });

  test("keep their places for what is not known", () => {
    const nothing = { width: null, height: null, fps: null, kbps: null, lossPercent: null, jitterMs: null };
    const picture = { ...nothing, codec: null, freezes: null };
    expect(seatLines({ source: "camera", picture, sound: null, node: null }, undefined)).toEqual([
      "–×– · – fps",
      "– kbit/s",
      "loss – % · jitter – ms",
      "RTT – ms · freezes –",
    ]);
  });

  test("name the layers of a camera, and count any others", () => {
    const named = [0, 1, 2, 3].map((layer) =>
      seatLines({ ...SEAT, node: { layer } }, 24)[0]
        ?.split(" · ")
        .at(-1),
    );
    expect(named).toEqual(["layer l", "layer m", "layer h", "layer 3"]);
    expect(seatLines({ ...SEAT, source: "screen", node: { layer: 0 } }, 24)[0]).toContain("layer 0");
    const cut = [{ spatial: 1 }, { spatial: 0, temporal: 1 }, { spatial: null, temporal: null }];
    expect(
      cut.map((node) =>
        seatLines({ ...SEAT, node: { layer: 0, ...node } }, 24)[0]
          ?.split(" · ")
          .at(-1),
      ),
    ).toEqual(["layer l/S1", "layer l/S0T1", "layer l"]);
    expect(seatLines({ ...SEAT, node: { layer: null } }, 24)[0]).not.toContain("layer");
  });
});

test("the lines of what is sent say which layers are stopped, and what holds the picture back", () => {
  const layers = [
    { rid: "h", isActive: false, width: null, height: null, fps: 0, kbps: 0 },
    { rid: "l", isActive: true, width: 320, height: 180, fps: 30, kbps: 149.6 },
  ];
  const picture = { codec: "VP8", limitation: "bandwidth", layers };
  expect(sentLines("You", { picture, node: null })).toEqual([
    "You · VP8 · held back by bandwidth",
    "h stopped",
    "l 320×180 · 30 fps · 150 kbit/s",
  ]);
  const screen = { rid: null, isActive: true, width: 1920, height: 1080, fps: 5, kbps: 900 };
  const shared = { codec: null, limitation: null, layers: [screen] };
  expect(sentLines("Your screen", { picture: shared, node: { loss: 0.0125, jitterMs: 4.4 } })).toEqual([
    "Your screen",
    "1920×1080 · 5 fps · 900 kbit/s",
    "at node: loss 1.3 % · jitter 4 ms",
  ]);
});

test("the lines of sound that is sent say how it comes in at the node, as far as that is known", () => {
  expect(sentLines("Your voice", { picture: null, node: { loss: 0, jitterMs: 2.6 } })).toEqual([
    "Your voice",
    "at node: loss 0.0 % · jitter 3 ms",
  ]);
  expect(sentLines("Your voice", { picture: null, node: {} })[1]).toBe("at node: loss – % · jitter – ms");
});

test("the lines of the way have the node's side where it is told", () => {
  const none = new Map<string, never>();
  const figures: Figures = { rttMs: 24.4, outgoingKbps: 2300, pictures: none, sounds: none, sent: none };
  expect(wayLines(figures, null)).toEqual(["out: up to 2300 kbit/s · RTT 24 ms"]);
  expect(wayLines(figures, { estimateKbps: 3000, sendingKbps: 1100, queueMs: 2 })).toEqual([
    "out: up to 2300 kbit/s · RTT 24 ms",
    "in: up to 3000 kbit/s",
    "from node: 1100 kbit/s, queue 2 ms",
  ]);
});
