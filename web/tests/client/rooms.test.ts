import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { Rooms } from "../../client/rooms";
import type { Session } from "../../client/session";
import { Signaling } from "../../client/signaling";
import { FarEnd, Tokens, type Frame } from "./far-end";

const ROOM = {
  room: "r",
  uuid: "r",
  token: "t",
  server: { https: "ws://127.0.0.1:8081/sfu1/socket.io", wss: "" },
  ice: [],
  bitrate: 512,
  participants: ["alice", "bob"],
  held: ["bob"],
  locked: true,
};

describe("a request about a room", () => {
  let far = new FarEnd();
  let signaling: Signaling;
  let rooms: Rooms;

  beforeEach(async () => {
    far = new FarEnd();
    const base = await far.start();
    signaling = new Signaling(base, new Tokens("good") as unknown as Session, { id: "d", name: "n", kind: "test" });
    rooms = new Rooms(signaling);
    signaling.connect();
  });
  afterEach(async () => {
    signaling.close();
    await far.stop();
  });

  function answering(payload: unknown): void {
    far.answer = (frame, _, ack) => ack?.({ answer: frame.request, requestID: frame.requestID, payload });
  }

  test.each<[string, object, (rooms: Rooms) => Promise<unknown>]>([
    ["hold", { room: "r" }, (rooms) => rooms.hold("r")],
    ["unhold", { room: "r" }, (rooms) => rooms.unhold("r")],
    ["lockRoom", { room: "r" }, (rooms) => rooms.lock("r")],
    ["unlockRoom", { room: "r" }, (rooms) => rooms.unlock("r")],
    ["destroyRoom", { room: "r" }, (rooms) => rooms.destroy("r")],
    ["addToACL", { room: "r", participants: ["carol"] }, (rooms) => rooms.addToACL("r", ["carol"])],
    ["removeFromACL", { room: "r", participants: ["bob"] }, (rooms) => rooms.removeFromACL("r", ["bob"])],
    [
      "mute",
      { media: "audio", muted: true, roomId: "r", to: "bob" },
      (rooms) => rooms.askToMute("r", "bob", "audio", true),
    ],
    ["muteChange", { media: "video", muted: false, roomId: "r" }, (rooms) => rooms.muteChange("r", "video", false)],
    [
      "attendedTransfer",
      { room: "r", participant: "bob", targetRoom: "s" },
      (rooms) => rooms.attendedTransfer("r", "bob", "s"),
    ],
  ])("named %s says what it is about", async (name, payload, ask) => {
    answering({});
    await ask(rooms);
    expect(far.frames[0]).toMatchObject({ request: name, payload });
  });

  test("gives the room again, with who is on hold and whether it is locked", async () => {
    answering(ROOM);
    expect(await rooms.join("r")).toMatchObject({ room: "r", token: "t", held: ["bob"], isLocked: true });
  });

  test("gives all my rooms", async () => {
    answering({ rooms: [ROOM, { nonsense: true }] });
    expect((await rooms.mine()).map((one) => one.room)).toEqual(["r"]);
  });

  test("gives who is admitted after a change", async () => {
    answering({ participants: ["alice", "carol"] });
    expect(await rooms.addToACL("r", ["carol"])).toEqual(["alice", "carol"]);
  });

  test("tells what rings, also who asks to be invited", async () => {
    const ring: Frame = { request: "invitation", requestID: "1", from: "bob", to: "alice", group: "g", payload: ROOM };
    const asks: Frame = { request: "inviteRequest", requestID: "2", from: "carol", to: "alice" };
    answering({ currentInvitations: [ring, asks, 7] });
    const ringing = await rooms.ringing();
    expect(ringing?.map((one) => [one.kind, one.requestID])).toEqual([
      ["invitation", "1"],
      ["invite-request", "2"],
    ]);
    expect(ringing?.[0]).toMatchObject({ group: "g" });
  });

  test("that hands a call over resolves to who took it", async () => {
    far.answer = (frame, socket) =>
      socket.emit("message", { answer: "blindTransfer", requestID: frame.requestID, whoAccepted: "carol" });
    expect(await rooms.blindTransfer("r", "carol", { audio: true, video: false })).toBe("carol");
  });

  test("that hands a call over throws why nobody took it", async () => {
    far.answer = (frame, socket) =>
      socket.emit("message", { answer: "blindTransfer", requestID: frame.requestID, error: 603 });
    await expect(rooms.blindTransfer("r", "carol", { audio: true, video: false })).rejects.toMatchObject({ code: 603 });
  });
});
