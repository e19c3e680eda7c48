import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Asking, askedWords } from "../../client/asking";
import { parseFrame, type InvitationFrame } from "../../client/frames";
import type { Session } from "../../client/session";
import { Signaling } from "../../client/signaling";
import { FarEnd, Tokens } from "./far-end";

const MEDIA = { audio: true, video: true };

function invitation(inReplyTo?: string): InvitationFrame {
  const server = { https: "ws://127.0.0.1:8081/sfu1/socket.io", wss: "" };
  const payload = { room: "r", token: "t", server, inReplyTo };
  const frame = parseFrame({ request: "invitation", requestID: "1", from: "bob", to: "alice", payload });
  if (frame?.kind !== "invitation") throw new Error("no invitation");
  return frame;
}

describe("asking to be let into a call", () => {
  let far = new FarEnd();
  let signaling: Signaling;

  beforeEach(async () => {
    far = new FarEnd();
    const base = await far.start();
    signaling = new Signaling(base, new Tokens("good") as unknown as Session, { id: "d", name: "n", kind: "test" });
    signaling.connect();
  });
  afterEach(async () => {
    signaling.close();
    await far.stop();
  });

  test("names whom, and with what", async () => {
    far.answer = (frame, socket) =>
      socket.emit("message", { answer: "inviteRequest", requestID: frame.requestID, whoAccepted: "bob" });
    const asking = new Asking(signaling, "bob", MEDIA);
    await asking.answer();
    const { requestID } = asking;
    expect(far.frames).toEqual([{ request: "inviteRequest", requestID, to: "bob", mediatypes: MEDIA }]);
  });

  test("throws the code of a refusal", async () => {
    far.answer = (frame, socket) =>
      socket.emit("message", { answer: "inviteRequest", requestID: frame.requestID, error: 603 });
    await expect(new Asking(signaling, "bob", MEDIA).answer()).rejects.toMatchObject({ code: 603 });
  });

  test("is granted by the invitation that names it, and by no other", () => {
    const asking = new Asking(signaling, "bob", MEDIA);
    expect(asking.isGrantedBy(invitation(asking.requestID))).toBe(true);
    expect(asking.isGrantedBy(invitation("another"))).toBe(false);
    expect(asking.isGrantedBy(invitation())).toBe(false);
  });

  test("that is taken back is over at once, and is not asked again after a reconnection", async () => {
    const asking = new Asking(signaling, "bob", MEDIA);
    const answer = asking.answer();
    const refused = expect(answer).rejects.toMatchObject({ code: 487 });
    await vi.waitFor(() => expect(far.frames).toHaveLength(1));
    asking.takeBack();
    await refused;
    const { requestID } = asking;
    await vi.waitFor(() => expect(far.frames.at(-1)).toEqual({ cancel: "inviteRequest", requestID, error: 487 }));
    far.answer = (frame, _, ack) => frame.request === "leaveRoom" && ack?.({ cancel: "leaveRoom", error: 403 });
    far.sockets[0]?.conn.close();
    await vi.waitFor(() => expect(far.sockets).toHaveLength(2));
    await signaling.leaveRoom("r");
    expect(far.frames.filter((frame) => frame.request === "inviteRequest")).toHaveLength(1);
  });
});

test.each([
  [603, "Bob did not let you in."],
  [408, "No answer from Bob."],
  [404, "Bob cannot be reached"],
  [409, "asked Bob already"],
  [487, "taken back"],
  ["closed", "The connection was closed."],
] as const)("a request that fails with %s says so", (code, words) => {
  expect(askedWords(code, "Bob")).toContain(words);
});
