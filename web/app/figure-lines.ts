/**
 * Figures of a call as lines of text.  Values in, text out; what is not known is a dash, so that lines keep their places.
 */

import {
  layerName,
  type Figures,
  type NodeStats,
  type ReceivedPicture,
  type ReceivedSound,
  type SeatFigures,
  type SentFigures,
  type SentLayer,
} from "../client";

type Figure = number | null | undefined;

const UNKNOWN = "–";

/** How a seat comes in: its picture, then its sound. */
export function seatLines(seat: SeatFigures, rttMs: Figure): string[] {
  const { picture, sound } = seat;
  const seen = picture === null ? [] : pictureLines(picture, layerShown(seat), rttMs);
  return [...seen, ...(sound === null ? [] : soundLines(sound))];
}

function pictureLines(one: ReceivedPicture, layer: string | null, rttMs: Figure): string[] {
  return [
    joined(pixels(one), `${whole(one.fps)} fps`, layer),
    joined(`${whole(one.kbps)} kbit/s`, one.codec),
    joined(`loss ${fine(one.lossPercent)} %`, `jitter ${whole(one.jitterMs)} ms`),
    joined(`RTT ${whole(rttMs)} ms`, `freezes ${whole(one.freezes)}`),
  ];
}

function soundLines(one: ReceivedSound): string[] {
  return [
    joined(`${whole(one.kbps)} kbit/s`, one.codec),
    joined(`loss ${fine(one.lossPercent)} %`, `concealed ${fine(one.concealedPercent)} %`),
  ];
}

/** What is sent of one source: of a picture a line for each layer, and why it is no finer; then how it comes in at the node. */
export function sentLines(name: string, { picture, node }: Pick<SentFigures, "picture" | "node">): string[] {
  const why = picture?.limitation ? `held back by ${picture.limitation}` : null;
  const arrives = `at node: ${joined(`loss ${fine(scaled(node?.loss))} %`, `jitter ${whole(node?.jitterMs)} ms`)}`;
  return [
    joined(name, picture?.codec ?? null, why),
    ...(picture?.layers ?? []).map(layerLine),
    ...(node === null ? [] : [arrives]),
  ];
}

function scaled(share: Figure): Figure {
  return share === null || share === undefined ? null : 100 * share;
}

function layerLine(layer: SentLayer): string {
  const name = layer.rid === null ? "" : `${layer.rid} `;
  if (!layer.isActive) return `${name}stopped`;
  return `${name}${joined(pixels(layer), `${whole(layer.fps)} fps`, `${whole(layer.kbps)} kbit/s`)}`;
}

/** Of the whole connection: what both ways carry. */
export function wayLines({ outgoingKbps, rttMs }: Figures, told: NodeStats | null): string[] {
  const out = joined(`out: up to ${whole(outgoingKbps)} kbit/s`, `RTT ${whole(rttMs)} ms`);
  if (told === null) return [out];
  return [
    out,
    `in: up to ${whole(told.estimateKbps)} kbit/s`,
    `from node: ${whole(told.sendingKbps)} kbit/s, queue ${whole(told.queueMs)} ms`,
  ];
}

/** The node counts layers; those of a camera have names, as it is published in several. */
function layerShown({ source, node }: SeatFigures): string | null {
  const { layer, spatial, temporal } = node ?? {};
  if (layer === null || layer === undefined) return null;
  const name = (source === "camera" ? layerName(layer) : null) ?? String(layer);
  const upTo = `${numbered("S", spatial)}${numbered("T", temporal)}`;
  return upTo === "" ? `layer ${name}` : `layer ${name}/${upTo}`;
}

/** W3C webrtc-svc, dependency diagrams: S1 is the second spatial layer, T1 the second temporal one. */
function numbered(dimension: string, index: Figure): string {
  return index === null || index === undefined ? "" : `${dimension}${index}`;
}

function pixels({ width, height }: { readonly width: Figure; readonly height: Figure }): string {
  return `${whole(width)}×${whole(height)}`;
}

function whole(value: Figure): string {
  return value === null || value === undefined ? UNKNOWN : String(Math.round(value));
}

function fine(value: Figure): string {
  return value === null || value === undefined ? UNKNOWN : value.toFixed(1);
}

function joined(...parts: readonly (string | null)[]): string {
  return parts.filter((part) => part !== null && part !== "").join(" · ");
}
