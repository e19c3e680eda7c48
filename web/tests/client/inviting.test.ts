import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Inviting } from "../../client/inviting";
import type { Session } from "../../client/session";
import { Signaling } from "../../client/signaling";
import { FarEnd, Tokens } from "./far-end";

const BOB = { to: "bob", room: "r", media: { audio: true, video: false } };

describe("the invitations of a call", () => {
  let far = new FarEnd();
  let signaling: Signaling;
  let inviting: Inviting;

  beforeEach(async () => {
    far = new FarEnd();
    const base = await far.start();
    signaling = new Signaling(base, new Tokens("good") as unknown as Session, { id: "d", name: "n", kind: "test" });
    signaling.connect();
    inviting = new Inviting(signaling);
  });
  afterEach(async () => {
    signaling.close();
    await far.stop();
  });

  test("are open until somebody accepts, and say who", async () => {
    far.answer = (frame, socket) =>
      socket.emit("message", { answer: "invitation", requestID: frame.requestID, whoAccepted: "b" });
    const answer = inviting.send(BOB);
    expect(inviting.names).toEqual(["bob"]);
    expect(await answer).toBe("b");
    expect(inviting.names).toEqual([]);
    expect(far.frames[0]).toMatchObject({ request: "invitation", to: "bob", payload: { room: "r" } });
  });

  test("are closed by a refusal, and throw its code", async () => {
    far.answer = (frame, socket) =>
      socket.emit("message", { answer: "invitation", requestID: frame.requestID, error: 603 });
    await expect(inviting.send(BOB)).rejects.toMatchObject({ code: 603 });
    expect(inviting.names).toEqual([]);
  });

  test("name the request that they grant", async () => {
    far.answer = (frame, socket) => socket.emit("message", { answer: "invitation", requestID: frame.requestID });
    await inviting.send({ ...BOB, inReplyTo: "asked" });
    expect(far.frames[0]).toMatchObject({ payload: { room: "r", inReplyTo: "asked" } });
  });

  test("are all cancelled together", async () => {
    const answers = [inviting.send(BOB), inviting.send({ ...BOB, to: "carol" })];
    const refused = answers.map((answer) => expect(answer).rejects.toMatchObject({ code: 487 }));
    await vi.waitFor(() => expect(far.frames).toHaveLength(2));
    inviting.cancelAll();
    await Promise.all(refused);
    await vi.waitFor(() => expect(far.frames.filter((frame) => frame.cancel === "invitation")).toHaveLength(2));
    expect(inviting.names).toEqual([]);
  });
});
