/**
 * My camera, microphone and screen in one call: captured, muted, let go, and sent wherever the call is connected.
 *
 * call session -> **own media** -> media (the devices), room connection (who sends them)
 */

import { Emitter } from "./emitter";
import type { MediaTypes } from "./frames";
import { capture, captureScreen } from "./media";
import type { RoomConnection } from "./room-connection";

export interface OwnMediaEvents {
  change: undefined;
  /** What could not be had, in words; null: all that was wanted is there. */
  trouble: string | null;
  /** I muted or unmuted. */
  muted: { readonly media: "audio" | "video"; readonly isMuted: boolean };
}

export class OwnMedia extends Emitter<OwnMediaEvents> {
  // Ours; `stop` lets the devices go.
  #stream = new MediaStream();
  #screen: MediaStream | null = null;
  #isStopped = false;
  // The call session's.
  #connection: RoomConnection | null = null;

  /** What my camera and microphone give. */
  get stream(): MediaStream {
    return this.#stream;
  }

  get screen(): MediaStream | null {
    return this.#screen;
  }

  get isMuted(): boolean {
    return this.#stream.getAudioTracks()[0]?.enabled !== true;
  }

  get isCameraOn(): boolean {
    return this.#stream.getVideoTracks().length > 0;
  }

  /** Sends by `connection` from now on, which was made with `stream`. */
  sendBy(connection: RoomConnection): void {
    this.#connection = connection;
    if (this.#screen !== null) void connection.sendScreen(this.#screen);
  }

  /** Adds what is wanted, as far as it is there. */
  async add(wanted: MediaTypes): Promise<void> {
    const { stream, trouble } = await capture(wanted);
    if (this.#isStopped) {
      stopAll(stream);
      return;
    }
    this.#stream = new MediaStream([...this.#stream.getTracks(), ...stream.getTracks()]);
    this.emit("trouble", trouble);
    this.emit("change", undefined);
    for (const track of stream.getTracks()) {
      await this.#connection?.send(track.kind === "audio" ? "microphone" : "camera", track);
    }
  }

  async setMuted(isMuted: boolean): Promise<void> {
    const track = this.#stream.getAudioTracks()[0];
    if (track === undefined) {
      if (!isMuted) await this.add({ audio: true, video: false });
      return;
    }
    track.enabled = !isMuted;
    this.emit("change", undefined);
    this.emit("muted", { media: "audio", isMuted });
    await this.#connection?.announce();
  }

  /** Off means off: the camera is let go, and its light goes out. */
  async setCamera(isOn: boolean): Promise<void> {
    if (isOn === this.isCameraOn) return;
    this.emit("muted", { media: "video", isMuted: !isOn });
    if (isOn) return this.add({ audio: false, video: true });
    for (const track of this.#stream.getVideoTracks()) track.stop();
    this.#stream = new MediaStream(this.#stream.getAudioTracks());
    this.emit("change", undefined);
    await this.#connection?.send("camera", null);
  }

  async setScreen(isShared: boolean): Promise<void> {
    stopAll(this.#screen);
    this.#screen = isShared ? await captureScreen() : null;
    if (this.#isStopped) {
      this.stop();
      return;
    }
    this.#screen?.getVideoTracks()[0]?.addEventListener("ended", () => void this.setScreen(false));
    this.emit("change", undefined);
    await this.#connection?.sendScreen(this.#screen);
  }

  /** Lets all devices go, also those that are just being captured. */
  stop(): void {
    this.#isStopped = true;
    stopAll(this.#stream);
    stopAll(this.#screen);
    this.#screen = null;
  }
}

function stopAll(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
