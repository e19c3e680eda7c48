import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { Session } from "../../client/session";
import { Signaling, type LinkState } from "../../client/signaling";
import { FarEnd, Tokens } from "./far-end";

describe("signaling", () => {
  let far = new FarEnd();
  let base = "";
  const open: Signaling[] = [];

  beforeEach(async () => {
    far = new FarEnd();
    base = await far.start();
  });
  afterEach(async () => {
    for (const one of open.splice(0)) one.close();
    await far.stop();
  });

  function connect(tokens = new Tokens("good")): { signaling: Signaling; states: LinkState[] } {
    const signaling = new Signaling(base, tokens as unknown as Session, { id: "d", name: "n", kind: "test" });
    const states: LinkState[] = [];
    signaling.on("state", (state) => states.push(state));
    open.push(signaling);
    signaling.connect();
    return { signaling, states };
  }

  test("gives the answer that comes as an ack", async () => {
    far.answer = (frame, _, ack) => ack?.({ answer: "createRoom", requestID: frame.requestID, payload: { room: "r" } });
    const { signaling } = connect();
    expect((await signaling.request("createRoom", { payload: {} })).payload).toEqual({ room: "r" });
  });

  test("gives the answer that comes as a frame, as JSON text too", async () => {
    far.answer = (frame, socket) =>
      socket.emit("message", JSON.stringify({ answer: "createRoom", requestID: frame.requestID, payload: 1 }));
    const { signaling } = connect();
    expect((await signaling.request("createRoom", {})).payload).toBe(1);
  });

  test("throws the code of a refusal", async () => {
    far.answer = (frame, _, ack) => ack?.({ answer: "invitation", requestID: frame.requestID, error: 603 });
    const { signaling } = connect();
    await expect(signaling.request("invitation", {})).rejects.toMatchObject({ code: 603 });
  });

  test("throws the code of a cancel: nobody answered", async () => {
    far.answer = (frame, socket) =>
      socket.emit("message", { cancel: "invitation", requestID: frame.requestID, error: 408 });
    const { signaling } = connect();
    await expect(signaling.request("invitation", {}, { timeoutMs: null })).rejects.toMatchObject({ code: 408 });
  });

  test("is done leaving when it is told that it is out", async () => {
    far.answer = (_, socket) =>
      socket.emit("message", { cancel: "leaveRoom", error: 403, message: "user not included into ACL" });
    const { signaling } = connect();
    await signaling.leaveRoom("r");
    expect(far.frames[0]).toMatchObject({ request: "leaveRoom", payload: { room: "r" } });
  });

  test("sends again what was not answered when the connection was lost, under the same id", async () => {
    const { signaling, states } = connect();
    const answered = signaling.request("invitation", { to: "bob" }, { timeoutMs: null });
    await vi.waitFor(() => expect(far.frames).toHaveLength(1));
    far.answer = (frame, _, ack) => ack?.({ answer: "invitation", requestID: frame.requestID, whoAccepted: "bob" });
    far.sockets[0]?.conn.close();
    expect((await answered).whoAccepted).toBe("bob");
    expect(far.frames[1]).toEqual(far.frames[0]);
    expect(states).toEqual(["online", "reconnecting", "online"]);
  });

  test("does not send again what was answered", async () => {
    far.answer = (frame, _, ack) => ack?.({ answer: "createRoom", requestID: frame.requestID, payload: {} });
    const { signaling, states } = connect();
    await signaling.request("createRoom", {});
    far.sockets[0]?.conn.close();
    await vi.waitFor(() => expect(states).toEqual(["online", "reconnecting", "online"]), 5_000);
    expect(far.frames).toHaveLength(1);
  });

  test("renews a token that is refused, and goes on", async () => {
    const tokens = new Tokens("stale");
    const { states } = connect(tokens);
    await vi.waitFor(() => expect(states).toEqual(["online"]), 5_000);
    expect(far.tokens).toEqual(["stale", "good"]);
    expect(tokens.renewals).toBe(1);
  });

  test("is signed out when the session is over", async () => {
    const tokens = new Tokens("stale");
    tokens.isOver = true;
    const { signaling, states } = connect(tokens);
    await vi.waitFor(() => expect(states).toEqual(["signed-out"]), 5_000);
    expect(signaling.state).toBe("signed-out");
  });

  test("is signed out when a new token is refused too, and asks no more", async () => {
    far.valid = "something else";
    const { states } = connect(new Tokens("stale"));
    await vi.waitFor(() => expect(states).toEqual(["signed-out"]), 5_000);
    expect(far.tokens).toHaveLength(2);
  });

  test("tells of an invitation's cancel, and of events", async () => {
    const { signaling } = connect();
    const told: unknown[] = [];
    signaling.on("cancel", (frame) => told.push([frame.requestID, frame.error]));
    signaling.on("event", (frame) => told.push(frame.eventName));
    await vi.waitFor(() => expect(far.sockets).toHaveLength(1));
    far.sockets[0]?.emit("message", { cancel: "invitation", requestID: "theirs", error: 487 });
    far.sockets[0]?.emit("message", { nonsense: true });
    far.sockets[0]?.emit("message", { type: "event", payload: { eventName: "ringing", payload: {} } });
    await vi.waitFor(() => expect(told).toEqual([["theirs", 487], "ringing"]));
  });

  test("fails what waits when it is closed", async () => {
    const { signaling } = connect();
    const asked = signaling.request("createRoom", {});
    signaling.close();
    await expect(asked).rejects.toMatchObject({ code: "closed" });
  });
});
