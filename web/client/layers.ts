/**
 * What a camera is published as: three layers of one picture, low to high, so that the node can give each receiver the one
 * that fits.  A screen is published as one layer: text has to stay sharp.
 */

/** Parts of a publisher's bitrate that the layers get, low to high; pictures are a quarter, a half and all of the width. */
const LAYERS = [
  { rid: "l", scaleResolutionDownBy: 4, share: 0.1 },
  { rid: "m", scaleResolutionDownBy: 2, share: 0.3 },
  { rid: "h", scaleResolutionDownBy: 1, share: 1 },
] as const;

/** `kbps`: what the room lets one publisher send as its best layer. */
export function cameraLayers(kbps: number): RTCRtpEncodingParameters[] {
  return LAYERS.map(({ rid, scaleResolutionDownBy, share }) => ({
    rid,
    scaleResolutionDownBy,
    maxBitrate: Math.round(kbps * 1000 * share),
  }));
}

export function screenLayers(kbps: number): RTCRtpEncodingParameters[] {
  return [{ maxBitrate: Math.round(kbps * 1000 * 2), maxFramerate: 15 }];
}
