/**
 * Which codecs an offer keeps.
 *
 * A browser offers a dozen video codecs on every m-line.  The node takes VP8, H.264, VP9 and AV1, Opus and its RED; the page
 * keeps of them what all browsers send and show, VP8 and H.264, so that everybody can see everybody.  Narrowing an offer
 * brings a seat down from several kilobytes, too.
 */

export interface CodecCapability {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string;
}

const AUDIO = ["audio/opus"];
const VIDEO = ["video/vp8", "video/h264"];

/** VP8 first, then constrained-baseline H.264 in packetization mode 1 (RFC 6184), and what repairs them; Opus. */
export function narrowed<C extends CodecCapability>(kind: "audio" | "video", codecs: readonly C[]): C[] {
  const order = kind === "audio" ? AUDIO : VIDEO;
  const media = order.flatMap((type) => codecs.filter((one) => type === one.mimeType.toLowerCase() && isKept(one)));
  const repair = kind === "video" ? codecs.filter((one) => one.mimeType.toLowerCase() === "video/rtx") : [];
  return media.length === 0 ? [] : [...media, ...repair];
}

function isKept(codec: CodecCapability): boolean {
  if (codec.mimeType.toLowerCase() !== "video/h264") return true;
  const parameters = (codec.sdpFmtpLine ?? "").toLowerCase();
  return parameters.includes("packetization-mode=1") && /profile-level-id=42[ce]0/.test(parameters);
}
