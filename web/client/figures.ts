/**
 * How media comes in and goes out, in figures: what two reports of the browser's counters say together.
 *
 * RTCPeerConnection.getStats, twice -> **figures** -> measuring -> a page's overlay.  Names are those of W3C webrtc-stats.
 *
 * A figure is null where the browser does not count it, or where nothing was to be counted.
 */

import { layerOrder } from "./layers";

/** One entry of a report, as far as it is looked at. */
export interface Counters {
  readonly id: string;
  readonly type: string;
  /** ms */
  readonly timestamp: number;
  readonly kind?: string;
  readonly mid?: string;
  readonly rid?: string;
  readonly codecId?: string;
  readonly mimeType?: string;
  readonly active?: boolean;
  readonly bytesReceived?: number;
  readonly bytesSent?: number;
  readonly packetsReceived?: number;
  readonly packetsLost?: number;
  readonly jitter?: number;
  readonly frameWidth?: number;
  readonly frameHeight?: number;
  readonly framesDecoded?: number;
  readonly framesEncoded?: number;
  readonly freezeCount?: number;
  readonly totalSamplesReceived?: number;
  readonly concealedSamples?: number;
  readonly silentConcealedSamples?: number;
  readonly qualityLimitationReason?: string;
  readonly selectedCandidatePairId?: string;
  readonly nominated?: boolean;
  readonly currentRoundTripTime?: number;
  readonly availableOutgoingBitrate?: number;
}

/** A report's entries by their ids. */
export type Report = ReadonlyMap<string, Counters>;

type Figure = number | null;

/** What comes in on one m-line. */
export interface Received {
  readonly kbps: Figure;
  readonly lossPercent: Figure;
  readonly jitterMs: Figure;
  readonly codec: string | null;
}

export interface ReceivedPicture extends Received {
  readonly width: Figure;
  readonly height: Figure;
  readonly fps: Figure;
  /** Since the seat is there. */
  readonly freezes: Figure;
}

export interface ReceivedSound extends Received {
  /** How much of what was played was made up for what did not come in time. */
  readonly concealedPercent: Figure;
}

/** One encoding of a picture that is sent. */
export interface SentLayer {
  readonly rid: string | null;
  readonly isActive: boolean;
  readonly width: Figure;
  readonly height: Figure;
  readonly fps: Figure;
  readonly kbps: Figure;
}

/** A picture that is sent: its layers, the finest first. */
export interface SentPicture {
  readonly codec: string | null;
  /** What keeps it from being finer: `bandwidth`, `cpu`, `other`; null: nothing does. */
  readonly limitation: string | null;
  readonly layers: readonly SentLayer[];
}

export interface Figures {
  readonly rttMs: Figure;
  /** What the browser reckons that the way out carries. */
  readonly outgoingKbps: Figure;
  // By mid.
  readonly pictures: ReadonlyMap<string, ReceivedPicture>;
  readonly sounds: ReadonlyMap<string, ReceivedSound>;
  readonly sent: ReadonlyMap<string, SentPicture>;
}

export function figures(before: Report, after: Report): Figures {
  const pair = chosenPair(after);
  const received = entries(after, "inbound-rtp").map((entry) => [entry, before.get(entry.id)] as const);
  return {
    rttMs: scaled(pair?.currentRoundTripTime, 1000),
    outgoingKbps: scaled(pair?.availableOutgoingBitrate, 1 / 1000),
    pictures: byMid(received, "video", (entry, then) => receivedPicture(then, entry, after)),
    sounds: byMid(received, "audio", (entry, then) => receivedSound(then, entry, after)),
    sent: sentPictures(before, after),
  };
}

type Pair = readonly [entry: Counters, then: Counters | undefined];

function byMid<T>(
  pairs: readonly Pair[],
  kind: string,
  figure: (entry: Counters, then: Counters | undefined) => T,
): ReadonlyMap<string, T> {
  const ofKind = pairs.filter(([entry]) => entry.kind === kind && entry.mid !== undefined);
  return new Map(ofKind.map(([entry, then]) => [entry.mid ?? "", figure(entry, then)]));
}

function receivedPicture(then: Counters | undefined, now: Counters, report: Report): ReceivedPicture {
  return {
    ...received(then, now, report),
    width: now.frameWidth ?? null,
    height: now.frameHeight ?? null,
    fps: perSecond(then, now, "framesDecoded"),
    freezes: now.freezeCount ?? null,
  };
}

/** During silence what is concealed grows as well: only what was to be heard counts. */
function receivedSound(then: Counters | undefined, now: Counters, report: Report): ReceivedSound {
  const samples = more(then, now, "totalSamplesReceived");
  const concealed = more(then, now, "concealedSamples");
  const silent = more(then, now, "silentConcealedSamples") ?? 0;
  const heard = concealed === null ? null : Math.max(0, concealed - silent);
  return { ...received(then, now, report), concealedPercent: percent(heard, samples) };
}

function received(then: Counters | undefined, now: Counters, report: Report): Received {
  const came = more(then, now, "packetsReceived");
  const lost = more(then, now, "packetsLost");
  return {
    kbps: scaled(perSecond(then, now, "bytesReceived"), 8 / 1000),
    lossPercent: percent(lost, came === null || lost === null ? null : came + lost),
    jitterMs: scaled(now.jitter, 1000),
    codec: codecOf(now, report),
  };
}

function sentPictures(before: Report, after: Report): ReadonlyMap<string, SentPicture> {
  const sent = entries(after, "outbound-rtp").filter((entry) => entry.kind === "video" && entry.mid !== undefined);
  const mids = [...new Set(sent.map((entry) => entry.mid ?? ""))];
  return new Map(
    mids.map((mid) => [
      mid,
      sentPicture(
        before,
        sent.filter((entry) => entry.mid === mid),
        after,
      ),
    ]),
  );
}

function sentPicture(before: Report, sent: readonly Counters[], report: Report): SentPicture {
  const layers = sent.map((entry) => sentLayer(before.get(entry.id), entry));
  const reasons = sent.map((entry) => entry.qualityLimitationReason ?? "none");
  return {
    codec: sent.map((entry) => codecOf(entry, report)).find((codec) => codec !== null) ?? null,
    limitation: reasons.find((reason) => reason !== "none") ?? null,
    layers: layers.sort((a, b) => layerOrder(b.rid) - layerOrder(a.rid)),
  };
}

/** Browsers that do not say what is active send something of it. */
function sentLayer(then: Counters | undefined, now: Counters): SentLayer {
  const kbps = scaled(perSecond(then, now, "bytesSent"), 8 / 1000);
  return {
    rid: now.rid ?? null,
    isActive: now.active ?? (kbps ?? 0) > 0,
    width: now.frameWidth ?? null,
    height: now.frameHeight ?? null,
    fps: perSecond(then, now, "framesEncoded"),
    kbps,
  };
}

function codecOf(entry: Counters, report: Report): string | null {
  const mime = entry.codecId === undefined ? undefined : report.get(entry.codecId)?.mimeType;
  return mime === undefined ? null : mime.replace(/^\w+\//, "");
}

/** The way that media takes; Firefox marks it on the pair itself. */
function chosenPair(report: Report): Counters | undefined {
  const chosen = entries(report, "transport")[0]?.selectedCandidatePairId;
  if (chosen !== undefined) return report.get(chosen);
  return entries(report, "candidate-pair").find((pair) => pair.nominated === true);
}

function entries(report: Report, type: string): Counters[] {
  return [...report.values()].filter((entry) => entry.type === type);
}

type Count = { [Key in keyof Counters]-?: Counters[Key] extends number | undefined ? Key : never }[keyof Counters];

/** How much was counted between the two; a counter may go back a little (`packetsLost`, when what was late comes). */
function more(then: Counters | undefined, now: Counters, count: Count): Figure {
  const [from, to] = [then?.[count], now[count]];
  return from === undefined || to === undefined ? null : Math.max(0, to - from);
}

function perSecond(then: Counters | undefined, now: Counters, count: Count): Figure {
  const counted = more(then, now, count);
  const seconds = then === undefined ? 0 : (now.timestamp - then.timestamp) / 1000;
  return counted === null || seconds <= 0 ? null : counted / seconds;
}

function scaled(value: number | null | undefined, by: number): Figure {
  return value === null || value === undefined ? null : value * by;
}

function percent(part: Figure, whole: Figure): Figure {
  return part === null || whole === null || whole <= 0 ? null : (part / whole) * 100;
}
