/**
 * One RTCPeerConnection: what this device sends, and the seats that it receives through.
 *
 * room connection -> **peer media** -> the browser
 *
 * The m-lines, in the order in which they are first offered: microphone, camera, then a pair of audio and video for each
 * seat, later more seats and the screen.  An m-line is never taken away; what is not sent any more is offered inactive.
 */

import { narrowed } from "./codecs";
import type { Counters, Report } from "./figures";
import type { IceServer } from "./frames";
import { cameraLayers, screenLayers } from "./layers";
import type { Reading } from "./quality";
import { withRepairs } from "./repairs";
import { midOf, type SeatMids, type Source } from "./seats";
import { SenderParameters } from "./sender-parameters";

/** What the node is told of an m-line that we send. */
export interface SentTrack {
  readonly source: Source;
  readonly muted: boolean;
}

/** One m-line that we send. */
interface Sent {
  readonly transceiver: RTCRtpTransceiver;
  readonly parameters: SenderParameters;
}

export class PeerMedia {
  readonly connection: RTCPeerConnection;
  // Ours, closed with the connection.
  readonly #sent = new Map<Source, Sent>();
  readonly #streams = new Map<string, MediaStream>();
  #seats = 0;

  constructor(
    ice: readonly IceServer[],
    private readonly kbps: number,
  ) {
    this.connection = new RTCPeerConnection({ iceServers: [...ice], bundlePolicy: "max-bundle" });
    this.#addSent("microphone", "audio", []);
    this.#addSent("camera", "video", cameraLayers(kbps));
  }

  get seats(): number {
    return this.#seats;
  }

  /** Sends `track` as `source` from now on, or nothing; needs no offer for microphone and camera. */
  async send(source: Source, track: MediaStreamTrack | null): Promise<void> {
    await this.#sent.get(source)?.transceiver.sender.replaceTrack(track);
  }

  /**
   * Encodes the layers that somebody takes of each of our tracks, and stops the others; of null all of them, until the node
   * says which.  It calls a track by our peer and the track's m-line: `<peer>:<mid>`.
   */
  takeLayers(taken: Readonly<Record<string, readonly string[]>> | null): void {
    const byMid = new Map(Object.entries(taken ?? {}).map(([track, rids]) => [midOf(track), rids]));
    for (const { transceiver, parameters } of this.#sent.values()) {
      const rids = transceiver.mid === null ? undefined : byMid.get(transceiver.mid);
      if (taken === null) void parameters.take(null);
      else if (rids !== undefined) void parameters.take(rids);
    }
  }

  /** Shows the screen, or stops to; either needs an offer. */
  async sendScreen(stream: MediaStream | null): Promise<void> {
    await this.#sendOptional("screen", stream?.getVideoTracks()[0] ?? null);
    await this.#sendOptional("screen-audio", stream?.getAudioTracks()[0] ?? null);
  }

  addSeats(upTo: number): void {
    for (; this.#seats < upTo; this.#seats++) {
      narrow(this.connection.addTransceiver("audio", { direction: "recvonly" }), "audio");
      narrow(this.connection.addTransceiver("video", { direction: "recvonly" }), "video");
    }
  }

  /** Makes an offer ours; the node needs no candidates in it, as it is ICE-lite and answers whoever asks rightly. */
  async offer(): Promise<string> {
    const offer = await this.connection.createOffer();
    try {
      await this.connection.setLocalDescription({ type: "offer", sdp: withRepairs(offer.sdp ?? "") });
    } catch {
      await this.connection.setLocalDescription(offer);
    }
    return this.connection.localDescription?.sdp ?? "";
  }

  async accept(sdp: string): Promise<void> {
    await this.connection.setRemoteDescription({ type: "answer", sdp });
    this.#applyParameters();
  }

  /** Takes our offer back; what senders were told while it stood may have been refused, and is said again. */
  async rollback(): Promise<void> {
    if (this.connection.signalingState !== "have-local-offer") return;
    await this.connection.setLocalDescription({ type: "rollback" });
    this.#applyParameters();
  }

  /** What each m-line of ours is, by mid. */
  sent(): Record<string, SentTrack> {
    const sent: Record<string, SentTrack> = {};
    for (const [source, { transceiver }] of this.#sent) {
      const { mid, sender, direction } = transceiver;
      if (mid === null || direction !== "sendonly") continue;
      sent[mid] = { source, muted: sender.track?.enabled !== true };
    }
    return sent;
  }

  /** The two tracks of a seat as one stream, the same for as long as the connection lives. */
  stream({ seat, mids }: SeatMids): MediaStream | null {
    const key = `${seat} ${mids.audio} ${mids.video}`;
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    const tracks = [this.#received(mids.audio), this.#received(mids.video)];
    if (tracks.includes(undefined)) return null;
    const stream = new MediaStream(tracks.filter((one) => one !== undefined));
    this.#streams.set(key, stream);
    return stream;
  }

  /** The browser's counters of what each m-line receives, by mid. */
  async readings(): Promise<Map<string, Reading>> {
    const readings = new Map<string, Reading>();
    const report = await this.connection.getStats();
    report.forEach((entry: RTCInboundRtpStreamStats & { mid?: string }) => {
      if (entry.type !== "inbound-rtp" || entry.mid === undefined) return;
      const { packetsReceived = 0, packetsLost = 0, framesDecoded = 0, totalFreezesDuration = 0 } = entry;
      readings.set(entry.mid, { packetsReceived, packetsLost, framesDecoded, freezes: totalFreezesDuration });
    });
    return readings;
  }

  /** All of the browser's counters. */
  async report(): Promise<Report> {
    const entries = new Map<string, Counters>();
    (await this.connection.getStats()).forEach((entry: Counters) => entries.set(entry.id, entry));
    return entries;
  }

  close(): void {
    this.connection.close();
  }

  #applyParameters(): void {
    for (const { parameters } of this.#sent.values()) void parameters.apply();
  }

  #received(mid: string): MediaStreamTrack | undefined {
    return this.connection.getTransceivers().find((one) => one.mid === mid)?.receiver.track;
  }

  #addSent(source: Source, kind: "audio" | "video", sendEncodings: RTCRtpEncodingParameters[]): RTCRtpTransceiver {
    const transceiver = this.connection.addTransceiver(kind, { direction: "sendonly", sendEncodings });
    narrow(transceiver, kind);
    const preference = source === "screen" ? "maintain-resolution" : null;
    this.#sent.set(source, { transceiver, parameters: new SenderParameters(transceiver.sender, preference) });
    return transceiver;
  }

  async #sendOptional(source: "screen" | "screen-audio", track: MediaStreamTrack | null): Promise<void> {
    let transceiver = this.#sent.get(source)?.transceiver;
    if (transceiver === undefined) {
      if (track === null) return;
      transceiver =
        source === "screen"
          ? this.#addSent(source, "video", screenLayers(this.kbps))
          : this.#addSent(source, "audio", []);
    }
    transceiver.direction = track === null ? "inactive" : "sendonly";
    await transceiver.sender.replaceTrack(track);
  }
}

/** Narrows the m-line's codecs; where the browser will not have that, its own list does as well. */
function narrow(transceiver: RTCRtpTransceiver, kind: "audio" | "video"): void {
  const codecs = narrowed(kind, RTCRtpReceiver.getCapabilities(kind)?.codecs ?? []);
  if (codecs.length === 0) return;
  try {
    transceiver.setCodecPreferences(codecs);
  } catch {
    // The offer is longer than it has to be: nothing else.
  }
}
