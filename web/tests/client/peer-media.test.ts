import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { PeerMedia } from "../../client/peer-media";

/** As much of a browser's connection as an offer takes: senders refuse parameters while it stands. */
class Connection {
  signalingState: RTCSignalingState = "stable";
  localDescription: RTCSessionDescriptionInit | null = null;
  readonly encodings: RTCRtpEncodingParameters[][] = [];

  addTransceiver(_kind: string, { sendEncodings = [] }: RTCRtpTransceiverInit): object {
    const at = this.encodings.push(sendEncodings) - 1;
    const sender = {
      getParameters: () => ({ encodings: this.encodings[at] }),
      setParameters: ({ encodings }: RTCRtpSendParameters) => {
        if (this.signalingState !== "stable") return Promise.reject(new DOMException("negotiating"));
        this.encodings[at] = encodings;
        return Promise.resolve();
      },
    };
    return { mid: String(at), direction: "sendonly", sender };
  }

  createOffer(): Promise<RTCSessionDescriptionInit> {
    return Promise.resolve({ type: "offer", sdp: "" });
  }

  setLocalDescription(description: RTCSessionDescriptionInit): Promise<void> {
    this.localDescription = description;
    this.signalingState = description.type === "rollback" ? "stable" : "have-local-offer";
    return Promise.resolve();
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("RTCPeerConnection", Connection);
  vi.stubGlobal("RTCRtpReceiver", { getCapabilities: () => null });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("layers that were stopped while an offer stood are stopped once it is taken back", async () => {
  const media = new PeerMedia([], 1024);
  const connection = media.connection as unknown as Connection;
  const active = () => connection.encodings[1]?.filter((one) => one.active !== false).map((one) => one.rid);
  await media.offer();
  media.takeLayers({ "p1:1": ["l"] });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(active()).toEqual(["l", "m", "h"]);
  await media.rollback();
  await vi.advanceTimersByTimeAsync(0);
  expect(active()).toEqual(["l"]);
});
