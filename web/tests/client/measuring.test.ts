import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { Counters, Report } from "../../client/figures";
import { Measuring, type Measured } from "../../client/measuring";

const SEAT = { seat: 0, mids: { audio: "2", video: "3" }, occupant: { source: "camera" } } as const;

/** A connection whose picture brings 1,000 bytes a second, and a node that takes or refuses requests. */
class Connection implements Measured {
  readonly asked: object[] = [];
  changes = 0;
  isOld = false;
  report(): Promise<Report> {
    const timestamp = performance.now();
    const entries: Counters[] = [
      { id: "IV", type: "inbound-rtp", kind: "video", mid: "3", timestamp, bytesReceived: timestamp },
      { id: "OV", type: "outbound-rtp", kind: "video", mid: "1", timestamp, bytesSent: 2 * timestamp },
    ];
    return Promise.resolve(new Map(entries.map((entry) => [entry.id, entry])));
  }
  sent() {
    return { "0": { source: "microphone" }, "1": { source: "camera" } } as const;
  }
  ask(request: object): Promise<unknown> {
    this.asked.push(request);
    return this.isOld ? Promise.reject(new Error("unknown request 'stats'")) : Promise.resolve({});
  }
  changed(): void {
    this.changes++;
  }
}

describe("figures of a call", () => {
  let connection = new Connection();
  let measuring = new Measuring(connection);

  beforeEach(() => {
    vi.useFakeTimers();
    connection = new Connection();
    measuring = new Measuring(connection);
  });
  afterEach(() => {
    measuring.set(false);
    vi.useRealTimers();
  });

  test("cost nothing while nobody looks", async () => {
    await vi.advanceTimersByTimeAsync(10_000);
    measuring.restate();
    expect(connection).toMatchObject({ asked: [], changes: 0 });
    expect(measuring.of(SEAT)).toBeNull();
  });

  test("are there a second after somebody looks, and gone when he does not", async () => {
    measuring.set(true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(measuring.of(SEAT)?.picture?.kbps).toBeCloseTo(8);
    expect(measuring.sent.map(({ source, picture }) => [source, picture?.layers[0]?.kbps])).toEqual([["camera", 16]]);
    measuring.set(false);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(measuring.of(SEAT)).toBeNull();
    expect(measuring.sent).toEqual([]);
  });

  test("are asked of the node as long, and asked for again when we have joined anew", () => {
    measuring.set(true);
    measuring.set(true);
    measuring.restate();
    measuring.set(false);
    expect(connection.asked).toEqual([{ every_s: 2 }, { every_s: 2 }, {}]);
  });

  test("have the node's side where it tells that", async () => {
    measuring.set(true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(measuring.of(SEAT)?.node).toBeNull();
    measuring.hear({ estimateKbps: 900, seats: { "0": { video: { layer: 1, temporal: 2 } }, "1": null } });
    expect(measuring.of(SEAT)?.node).toEqual({ layer: 1, temporal: 2 });
    expect(measuring.of({ ...SEAT, seat: 1 })?.node).toBeNull();
    expect(measuring.told?.estimateKbps).toBe(900);
    expect(measuring.sent.map(({ source, node }) => [source, node])).toEqual([["camera", null]]);
    measuring.hear({ tracks: { "p:0": { jitterMs: 3 }, "p:1": { jitterMs: 8 }, "p:7": { jitterMs: 9 } } });
    expect(measuring.sent.map(({ source, node }) => [source, node?.jitterMs])).toEqual([
      ["microphone", 3],
      ["camera", 8],
    ]);
  });

  test("do without a node that does not know of them", async () => {
    connection.isOld = true;
    measuring.set(true);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(measuring.of(SEAT)?.picture?.kbps).toBeCloseTo(8);
    expect(measuring.told).toBeNull();
  });

  test("of the node that come late are not kept", () => {
    measuring.hear({ estimateKbps: 900 });
    expect(measuring.told).toBeNull();
  });
});
