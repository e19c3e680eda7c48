/**
 * What a camera is published as: three layers of one picture, low to high, so that the node can give each receiver the one
 * that fits.  A screen is published as one layer: text has to stay sharp.
 *
 * The node says which layers are shown to somebody (`layers`); the others need not be encoded.
 */

/**
 * Parts of a publisher's bitrate that the layers get, low to high, and what more would be wasted on pictures of a quarter
 * and a half of the width.  libwebrtc serves the lowest first, so a thin uplink sends a fluent small picture.  The lowest is
 * so thin that a part of it fits beside a voice (48 kbit/s) into a link of 100 kbit/s.
 */
const LAYERS = [
  { rid: "l", scaleResolutionDownBy: 4, share: 0.15, mostKbps: 60 },
  { rid: "m", scaleResolutionDownBy: 2, share: 0.4, mostKbps: 500 },
  { rid: "h", scaleResolutionDownBy: 1, share: 1, mostKbps: Infinity },
] as const;

/** `kbps`: what the room lets one publisher send as its best layer. */
export function cameraLayers(kbps: number): RTCRtpEncodingParameters[] {
  return LAYERS.map(({ rid, scaleResolutionDownBy, share, mostKbps }) => ({
    rid,
    scaleResolutionDownBy,
    maxBitrate: Math.round(Math.min(kbps * share, mostKbps) * 1000),
  }));
}

export function screenLayers(kbps: number): RTCRtpEncodingParameters[] {
  return [{ maxBitrate: Math.round(kbps * 1000 * 2), maxFramerate: 15 }];
}

/** Where a layer stands among the others, low to high; 0 where there is only one. */
export function layerOrder(rid: string | null): number {
  return Math.max(
    0,
    LAYERS.findIndex((one) => one.rid === rid),
  );
}

/** What the layer is called that stands there among three, low to high. */
export function layerName(index: number): string | null {
  return LAYERS[index]?.rid ?? null;
}

/**
 * The encodings with those active that are `taken` (null: nobody has said which), and of several always the lowest, which
 * costs little and which whoever comes next sees first; null where nothing is to be changed.
 */
export function activated(
  encodings: readonly RTCRtpEncodingParameters[],
  taken: readonly string[] | null,
): RTCRtpEncodingParameters[] | null {
  const isKept = (index: number) => index === 0 && encodings.length > 1;
  const wanted = encodings.map((one, index) => ({
    ...one,
    active: isKept(index) || taken === null || taken.includes(one.rid ?? ""),
  }));
  const isSo = wanted.every(({ active }, index) => active === (encodings[index]?.active ?? true));
  return isSo ? null : wanted;
}
