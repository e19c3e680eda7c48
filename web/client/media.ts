/**
 * Camera, microphone and screen: what there is of what is wanted.
 *
 * A missing or refused device does not stop a call: it is placed with the rest, and the user is told.
 */

import type { MediaTypes } from "./frames";
import { words } from "./errors";

export interface Capture {
  readonly stream: MediaStream;
  /** What could not be had, in words; null when all is there. */
  readonly trouble: string | null;
}

const AUDIO: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const VIDEO: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30, max: 30 },
};

export async function capture(wanted: MediaTypes): Promise<Capture> {
  if (!hasDevices()) return { stream: new MediaStream(), trouble: words("insecure") };
  if (!wanted.audio && !wanted.video) return { stream: new MediaStream(), trouble: null };
  const both = await attempt(wanted);
  if (both.stream !== null) return { stream: both.stream, trouble: null };
  if (!wanted.audio || !wanted.video) return { stream: new MediaStream(), trouble: trouble(wanted, both.error) };
  return captureApart(wanted);
}

/** Each alone, as one of them failed. */
async function captureApart(wanted: MediaTypes): Promise<Capture> {
  const audio = await attempt({ audio: true, video: false });
  const video = await attempt({ audio: false, video: true });
  const stream = new MediaStream([...(audio.stream?.getTracks() ?? []), ...(video.stream?.getTracks() ?? [])]);
  if (audio.stream === null && video.stream === null) return { stream, trouble: trouble(wanted, video.error) };
  if (audio.stream === null) return { stream, trouble: trouble({ audio: true, video: false }, audio.error) };
  return { stream, trouble: video.stream === null ? trouble({ audio: false, video: true }, video.error) : null };
}

/** The screen, with its sound where the browser gives it; null when the user changed his mind. */
export async function captureScreen(): Promise<MediaStream | null> {
  if (!hasScreen()) return null;
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: true });
    return hinted(stream, "detail");
  } catch {
    return null;
  }
}

/** Tells the encoder what matters when there is too little of everything: that faces move, that text can be read. */
function hinted(stream: MediaStream, hint: "motion" | "detail"): MediaStream {
  for (const track of stream.getVideoTracks()) track.contentHint = hint;
  return stream;
}

export function hasScreen(): boolean {
  return hasDevices() && "getDisplayMedia" in navigator.mediaDevices;
}

/** Pages that are not served by https or from localhost get no devices at all. */
function hasDevices(): boolean {
  return (navigator as { mediaDevices?: MediaDevices }).mediaDevices !== undefined;
}

interface Attempt {
  readonly stream: MediaStream | null;
  readonly error: string;
}

async function attempt({ audio, video }: MediaTypes): Promise<Attempt> {
  try {
    const constraints = { audio: audio ? AUDIO : false, video: video ? VIDEO : false };
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    return { stream: hinted(stream, "motion"), error: "" };
  } catch (thrown) {
    return { stream: null, error: thrown instanceof DOMException ? thrown.name : "" };
  }
}

/** What is missing and why, by the names that getUserMedia gives its errors. */
export function trouble({ audio, video }: MediaTypes, error: string): string {
  const what = audio && video ? "camera and microphone" : video ? "camera" : "microphone";
  if (error === "NotAllowedError") return `The use of the ${what} was not allowed.`;
  if (error === "NotFoundError") return `No ${what} was found.`;
  if (error === "NotReadableError") return `The ${what} is used by another program.`;
  return `The ${what} cannot be used.`;
}
