import { describe, expect, test } from "vitest";

import { figures, type Counters, type Report } from "../../client/figures";

function report(entries: readonly Counters[]): Report {
  return new Map(entries.map((entry) => [entry.id, entry]));
}

/** A report of Chromium's, as far as it is looked at, `second` s into a call: counters grow by the same each second. */
function chromium(second: number, changes: Record<string, Partial<Counters>> = {}): Report {
  const timestamp = 1_700_000_000_000 + second * 1000;
  const one = (id: string, rest: Omit<Counters, "id" | "timestamp">): Counters => ({
    id,
    timestamp,
    ...rest,
    ...changes[id],
  });
  const camera = { type: "outbound-rtp", kind: "video", mid: "1", codecId: "C1" };
  return report([
    one("T01", { type: "transport", selectedCandidatePairId: "CP1" }),
    one("CP1", { type: "candidate-pair", currentRoundTripTime: 0.024, availableOutgoingBitrate: 2_300_000 }),
    one("CP2", { type: "candidate-pair", currentRoundTripTime: 0.9 }),
    one("C1", { type: "codec", mimeType: "video/VP8" }),
    one("C2", { type: "codec", mimeType: "audio/opus" }),
    one("OV1", {
      ...camera,
      rid: "l",
      active: true,
      bytesSent: second * 15_000,
      framesEncoded: second * 30,
      frameWidth: 320,
      frameHeight: 180,
      qualityLimitationReason: "none",
    }),
    one("OV3", { ...camera, rid: "h", active: false, bytesSent: 90_000, framesEncoded: 40 }),
    one("OV2", {
      ...camera,
      rid: "m",
      active: true,
      bytesSent: second * 50_000,
      framesEncoded: second * 15,
      frameWidth: 640,
      frameHeight: 360,
      qualityLimitationReason: "bandwidth",
    }),
    one("OA", { type: "outbound-rtp", kind: "audio", mid: "0", codecId: "C2", bytesSent: second * 4_000 }),
    one("IV", {
      type: "inbound-rtp",
      kind: "video",
      mid: "3",
      codecId: "C1",
      bytesReceived: second * 128_000,
      packetsReceived: second * 110,
      packetsLost: second * 10,
      jitter: 0.004,
      frameWidth: 1280,
      frameHeight: 720,
      framesDecoded: second * 25,
      freezeCount: 2,
    }),
    one("IA", {
      type: "inbound-rtp",
      kind: "audio",
      mid: "2",
      codecId: "C2",
      bytesReceived: second * 4_000,
      packetsReceived: second * 50,
      packetsLost: 0,
      jitter: 0.002,
      totalSamplesReceived: second * 48_000,
      concealedSamples: second * 5_280,
      silentConcealedSamples: second * 4_800,
    }),
  ]);
}

describe("figures of what comes in", () => {
  test("are those of the time between two reports", () => {
    const { pictures } = figures(chromium(10), chromium(12));
    expect(pictures.get("3")).toEqual({
      width: 1280,
      height: 720,
      fps: 25,
      kbps: 1024,
      lossPercent: expect.closeTo(8.33, 2) as number,
      jitterMs: 4,
      codec: "VP8",
      freezes: 2,
    });
  });

  test("count of concealed sound what was to be heard", () => {
    expect(figures(chromium(10), chromium(11)).sounds.get("2")).toEqual({
      kbps: 32,
      lossPercent: 0,
      jitterMs: 2,
      codec: "opus",
      concealedPercent: 1,
    });
  });

  test("are not there for counters that a browser does not have", () => {
    const bare = (at: number) =>
      report([{ id: "I", type: "inbound-rtp", kind: "video", mid: "3", timestamp: at, bytesReceived: at }]);
    expect(figures(bare(1000), bare(2000)).pictures.get("3")).toEqual({
      width: null,
      height: null,
      fps: null,
      kbps: 8,
      lossPercent: null,
      jitterMs: null,
      codec: null,
      freezes: null,
    });
  });

  test("wait for a second report", () => {
    const { pictures, sounds } = figures(new Map(), chromium(1));
    expect(pictures.get("3")).toMatchObject({ kbps: null, fps: null, lossPercent: null, width: 1280 });
    expect(sounds.get("2")).toMatchObject({ kbps: null, concealedPercent: null });
  });

  test("are zero while nothing comes, and shares of nothing are not known", () => {
    const before = chromium(10);
    const iv = before.get("IV");
    const after = chromium(11, { IV: { ...iv, timestamp: (iv?.timestamp ?? 0) + 1000 } });
    expect(figures(before, after).pictures.get("3")).toMatchObject({ kbps: 0, fps: 0, lossPercent: null });
  });

  test("bear counters that go back, as losses do when what was late comes", () => {
    const late = chromium(11, { IV: { packetsLost: 90 } });
    expect(figures(chromium(10), late).pictures.get("3")).toMatchObject({ lossPercent: 0 });
  });

  test("bear another connection's report, as after joining anew", () => {
    expect(figures(chromium(50), chromium(1)).pictures.get("3")).toMatchObject({ kbps: null, fps: null });
  });
});

describe("figures of what goes out", () => {
  test("are there for each layer, the finest first", () => {
    const sent = figures(chromium(10), chromium(11)).sent.get("1");
    expect(sent).toEqual({
      codec: "VP8",
      limitation: "bandwidth",
      layers: [
        { rid: "h", isActive: false, width: null, height: null, fps: 0, kbps: 0 },
        { rid: "m", isActive: true, width: 640, height: 360, fps: 15, kbps: 400 },
        { rid: "l", isActive: true, width: 320, height: 180, fps: 30, kbps: 120 },
      ],
    });
  });

  test("leave sound out", () => {
    expect([...figures(chromium(10), chromium(11)).sent.keys()]).toEqual(["1"]);
  });

  test("take a layer for stopped that sends nothing, where the browser does not say", () => {
    const silent = (at: number) =>
      report([
        { id: "O", type: "outbound-rtp", kind: "video", mid: "1", rid: "h", timestamp: at, bytesSent: 5 },
        { id: "P", type: "outbound-rtp", kind: "video", mid: "1", rid: "l", timestamp: at, bytesSent: at },
      ]);
    const layers = figures(silent(1000), silent(2000)).sent.get("1")?.layers;
    expect(layers?.map(({ rid, isActive }) => [rid, isActive])).toEqual([
      ["h", false],
      ["l", true],
    ]);
  });
});

describe("figures of the way", () => {
  test("are those of the pair that is used", () => {
    expect(figures(chromium(10), chromium(11))).toMatchObject({ rttMs: 24, outgoingKbps: 2300 });
  });

  test("are found where a browser has no transport in its report, as Firefox", () => {
    const firefox = report([
      { id: "a", type: "candidate-pair", timestamp: 0, nominated: false, currentRoundTripTime: 9 },
      { id: "b", type: "candidate-pair", timestamp: 0, nominated: true, currentRoundTripTime: 0.05 },
    ]);
    expect(figures(firefox, firefox)).toMatchObject({ rttMs: 50, outgoingKbps: null });
  });

  test("are not known before there is one", () => {
    expect(figures(new Map(), new Map())).toMatchObject({ rttMs: null, outgoingKbps: null });
  });
});
