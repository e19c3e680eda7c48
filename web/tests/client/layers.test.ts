import { describe, expect, test } from "vitest";

import { activated, cameraLayers, layerName, layerOrder, screenLayers } from "../../client/layers";

describe("a camera", () => {
  test("is published in layers from low to high within the room's bitrate", () => {
    const layers = cameraLayers(1024);
    expect(layers.map((one) => one.rid)).toEqual(["l", "m", "h"]);
    expect(layers.map((one) => one.scaleResolutionDownBy)).toEqual([4, 2, 1]);
    expect(layers.at(-1)?.maxBitrate).toBe(1_024_000);
  });

  test.each([
    { kbps: 1700, bitrates: [60_000, 500_000, 1_700_000] },
    { kbps: 1024, bitrates: [60_000, 409_600, 1_024_000] },
    { kbps: 300, bitrates: [45_000, 120_000, 300_000] },
    { kbps: 16, bitrates: [2_400, 6_400, 16_000] },
  ])("of $kbps kbit/s gives its small pictures what they can use", ({ kbps, bitrates }) => {
    expect(cameraLayers(kbps).map((one) => one.maxBitrate)).toEqual(bitrates);
  });

  test("has its layers in order, whatever order a browser lists them in", () => {
    expect(["h", "l", "m"].sort((a, b) => layerOrder(a) - layerOrder(b))).toEqual(["l", "m", "h"]);
    expect(layerOrder(null)).toBe(0);
  });
});

test("layers are counted from the lowest", () => {
  expect([0, 1, 2, 3].map(layerName)).toEqual(["l", "m", "h", null]);
});

test("a screen is published as one layer that moves little", () => {
  expect(screenLayers(1024)).toEqual([{ maxBitrate: 2_048_000, maxFramerate: 15 }]);
});

describe("the layers that somebody takes", () => {
  const active = (encodings: readonly RTCRtpEncodingParameters[] | null) => encodings?.map((one) => one.active);
  const [low, middle, high] = cameraLayers(1024) as [RTCRtpEncodingParameters, RTCRtpEncodingParameters, object];
  const all = [low, middle, high];

  test("stay active, and the others do not", () => {
    expect(active(activated(all, ["l", "m"]))).toEqual([true, true, false]);
    expect(active(activated(all, ["l", "h"]))).toEqual([true, false, true]);
  });

  test("are never without the lowest of several", () => {
    expect(active(activated(all, []))).toEqual([true, false, false]);
    expect(active(activated(all, ["h"]))).toEqual([true, false, true]);
    expect(active(activated(all, ["unheard-of"]))).toEqual([true, false, false]);
  });

  test("are all of them until somebody says which", () => {
    expect(activated(all, null)).toBeNull();
    expect(active(activated([low, middle, { ...high, active: false }], null))).toEqual([true, true, true]);
  });

  test("keep whatever else is set", () => {
    expect(activated(all, ["l"])).toMatchObject(all);
  });

  test("change nothing where they are the active ones already", () => {
    expect(activated([{ ...low, active: true }, middle, { ...high, active: false }], ["m"])).toBeNull();
    expect(activated([], ["l"])).toBeNull();
  });

  test("are none where the only one is taken by nobody", () => {
    const screen = screenLayers(1024);
    expect(active(activated(screen, []))).toEqual([false]);
    expect(activated(screen, [""])).toBeNull();
    expect(active(activated([{ ...screen[0], active: false }], [""]))).toEqual([true]);
  });
});
