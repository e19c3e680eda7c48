import { describe, expect, test } from "vitest";

import { narrowed, type CodecCapability } from "../../client/codecs";
import { TertuliaError, asTertuliaError, words } from "../../client/errors";
import type { InvitationFrame } from "../../client/frames";
import { freshId } from "../../client/ids";
import { MAX_RINGING, movedTo, ring, ringOnly, stopRinging, type Incoming } from "../../client/incoming";
import { trouble } from "../../client/media";
import { nodeAddress } from "../../client/node-link";
import { quality, worse, type Reading } from "../../client/quality";

function invitation(requestID: string, room = requestID): InvitationFrame {
  const server = { https: "ws://127.0.0.1:8081/sfu1/socket.io", wss: "" };
  return {
    kind: "invitation",
    requestID,
    from: "alice",
    to: "bob",
    mediatypes: { audio: true, video: true },
    group: undefined,
    inReplyTo: undefined,
    room: { room, token: "t", server, ice: [], bitrate: 1024, participants: [], held: [], isLocked: false },
  };
}

describe("what rings", () => {
  test("leads to where its room has moved", () => {
    const server = { https: "ws://other.example/sfu2/socket.io", wss: "" };
    const incoming = ring(ring([], invitation("a", "moving")), invitation("b"));
    const [other, moved] = [incoming[1], movedTo(incoming, { room: "moving", token: "new", server })[0]];
    expect(moved).toEqual({ ...incoming[0], room: { ...incoming[0]?.room, token: "new", server } });
    expect(movedTo(incoming, { room: "moving", token: "new", server })[1]).toBe(other);
    expect(movedTo(incoming, { room: "another", token: "new", server })).toBe(incoming);
  });

  test("rings once, however often it is told", () => {
    expect(ring(ring([], invitation("a")), invitation("a"))).toHaveLength(1);
  });

  test("is rung anew under another request when signaling lost the first", () => {
    const incoming = ring(ring([], invitation("a", "room")), invitation("b", "room"));
    expect(incoming.map((one) => one.requestID)).toEqual(["b"]);
  });

  test("stops when it is cancelled, and nothing else does", () => {
    const incoming = ring(ring([], invitation("a")), invitation("b"));
    expect(stopRinging(incoming, "a").map((one) => one.requestID)).toEqual(["b"]);
    expect(stopRinging(incoming, "unknown")).toBe(incoming);
    expect(stopRinging(incoming, undefined)).toBe(incoming);
  });

  test("is what signaling lists after a reconnection: the rest stops, what is new begins", () => {
    const incoming = ring(ring([], invitation("a")), invitation("b"));
    expect(ringOnly(incoming, [invitation("b"), invitation("c")]).map((one) => one.requestID)).toEqual(["b", "c"]);
    expect(ringOnly(incoming, [])).toEqual([]);
  });

  test("is bounded", () => {
    let incoming: Incoming = [];
    for (let number = 0; number < 100; number++) incoming = ring(incoming, invitation(`r${number}`));
    expect(incoming).toHaveLength(MAX_RINGING);
    expect(incoming[0]?.requestID).toBe("r0");
  });
});

describe("an offer", () => {
  const h264 = (mode: number, profile: string): CodecCapability => ({
    mimeType: "video/H264",
    sdpFmtpLine: `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${profile}`,
  });
  const rtx: CodecCapability = { mimeType: "video/rtx" };
  const vp8: CodecCapability = { mimeType: "video/VP8" };

  test("keeps VP8, baseline H.264 in mode 1 and their retransmission", () => {
    const all = [rtx, { mimeType: "video/VP9" }, h264(1, "42e01f"), h264(0, "42001f"), h264(1, "640032"), vp8];
    expect(narrowed("video", all)).toEqual([vp8, h264(1, "42e01f"), rtx]);
  });

  test("keeps Opus only for sound", () => {
    const opus = { mimeType: "audio/opus" };
    expect(narrowed("audio", [{ mimeType: "audio/PCMU" }, opus, { mimeType: "audio/red" }])).toEqual([opus]);
  });

  test("is left as it is where the browser has none of ours", () => {
    expect(narrowed("video", [{ mimeType: "video/AV1" }, rtx])).toEqual([]);
  });
});

describe("quality", () => {
  const at = (packetsReceived: number, packetsLost = 0, freezes = 0): Reading => ({
    packetsReceived,
    packetsLost,
    framesDecoded: 0,
    freezes,
  });

  test.each([
    [at(0), at(100), "good"],
    [at(1000, 50), at(1100, 50), "good"],
    [at(0), at(97, 3), "fair"],
    [at(0), at(90, 10), "poor"],
    [at(0), at(100, 0, 0.1), "fair"],
    [at(0), at(100, 0, 1), "poor"],
    [at(100), at(100), null],
    [at(0, 5), at(100, 3), "good"],
  ] as const)("from %j to %j is %s", (before, after, expected) => {
    expect(quality(before, after, 2)).toBe(expected);
  });

  test("of several is the worst", () => {
    expect(worse("good", "poor")).toBe("poor");
    expect(worse("lost", "fair")).toBe("lost");
    expect(worse("good", "good")).toBe("good");
  });
});

describe("a node's address", () => {
  test.each([
    ["ws://127.0.0.1:8081/sfu1/socket.io", "http://127.0.0.1:8081", "/sfu1/socket.io"],
    ["wss://calls.example/sfu12/socket.io", "https://calls.example", "/sfu12/socket.io"],
    ["https://calls.example:8443/a/sfu1/socket.io", "https://calls.example:8443", "/a/sfu1/socket.io"],
    ["ws://[::1]:8081/sfu1/socket.io", "http://[::1]:8081", "/sfu1/socket.io"],
  ])("%s is an origin and a path", (https, origin, path) => {
    expect(nodeAddress(https)).toEqual({ origin, path });
  });
});

describe("words", () => {
  test("are there for every code of the protocol", () => {
    for (const code of [400, 401, 403, 404, 408, 409, 429, 486, 487, 500, 503, 603]) {
      expect(words(code)).not.toContain("code");
    }
  });

  test("name the device that is missing and why", () => {
    expect(trouble({ audio: false, video: true }, "NotFoundError")).toBe("No camera was found.");
    expect(trouble({ audio: true, video: true }, "NotAllowedError")).toContain("camera and microphone");
    expect(trouble({ audio: true, video: false }, "NotReadableError")).toContain("used by another program");
  });

  test("make an error of ours from any thrown thing", () => {
    const ours = new TertuliaError(603);
    expect(asTertuliaError(ours)).toBe(ours);
    expect(asTertuliaError(new Error("x"))).toMatchObject({ code: 500, message: "x" });
    expect(asTertuliaError("y").message).toBe("y");
  });
});

test("request ids are 21 URL-safe characters and not the same twice", () => {
  const ids = Array.from({ length: 1000 }, () => freshId());
  expect(new Set(ids).size).toBe(1000);
  for (const id of ids) expect(id).toMatch(/^[\w-]{21}$/);
});
