import { describe, expect, test } from "vitest";

import { parseFrame, parseMoved, parseRoom } from "../../client/frames";

// The frames of the vendor's public page on one-to-one calls, as they stand there.
const INVITATION = {
  requestID: "AiYoyeZXKvVa1jDtSPQuX",
  request: "invitation",
  to: "5f21f8239797901f01535828",
  from: "5da6e65772aa8c46876107d6",
  fromType: "system",
  mediatypes: { audio: true, video: false },
  context: { contextInfo: {} },
  systemFrom: "5da6e65772aa8c46876107d6",
  payload: {
    uuid: "1d63845a7b93c9b7ca6b3792ee99928257ac20b18284ded51632958cb3e803df",
    sipUri: "sip:88814738571@audiomixer-sfu1:5080",
    owner: "",
    timestamp: 1614031357210,
    server: { https: "wss://collaborator.example/sfu1/socket.io", wss: "wss://collaborator.example/ws-sfu1" },
    bitrate: 1024,
    record: false,
    ice: [{ urls: "stun:stun.example:19302" }],
    room: "1d63845a7b93c9b7ca6b3792ee99928257ac20b18284ded51632958cb3e803df",
    token: "3af66884b2a752f4e73bfa8bd10cbe36",
    participants: ["5da6e65772aa8c46876107d6", "5f21f8239797901f01535828"],
  },
};

describe("a frame", () => {
  test("that invites tells who calls and where the room is", () => {
    const frame = parseFrame(INVITATION);
    expect(frame).toMatchObject({
      kind: "invitation",
      requestID: "AiYoyeZXKvVa1jDtSPQuX",
      from: "5da6e65772aa8c46876107d6",
      mediatypes: { audio: true, video: false },
      room: {
        room: INVITATION.payload.room,
        token: "3af66884b2a752f4e73bfa8bd10cbe36",
        server: { https: "wss://collaborator.example/sfu1/socket.io" },
        ice: [{ urls: "stun:stun.example:19302" }],
        bitrate: 1024,
      },
    });
  });

  test("may come as JSON text", () => {
    expect(parseFrame(JSON.stringify(INVITATION))).toEqual(parseFrame(INVITATION));
  });

  test("that declines has the code", () => {
    const frame = {
      answer: "invitation",
      requestID: "B6yXaxJfBdKlG1K3yI-fX",
      from: "5da6e65772aa8c46876107d6",
      error: 603,
    };
    expect(parseFrame(frame)).toMatchObject({ kind: "answer", answer: "invitation", error: 603 });
  });

  test("that tells of no answer is a cancel with the code", () => {
    const frame = { cancel: "invitation", error: 408, requestID: "dbUXozlylze1-b8SW1vi5", to: "a", from: "b" };
    expect(parseFrame(frame)).toMatchObject({ kind: "cancel", requestID: "dbUXozlylze1-b8SW1vi5", error: 408 });
  });

  test("that confirms leaving is a cancel without a request id", () => {
    const frame = { cancel: "leaveRoom", error: 403, message: "user not included into ACL" };
    expect(parseFrame(frame)).toMatchObject({ kind: "cancel", cancel: "leaveRoom", requestID: undefined, error: 403 });
  });

  test("that is an event has a name and a payload", () => {
    const frame = { type: "event", payload: { eventName: "ringing", payload: { roomId: "r", userId: "u" } } };
    expect(parseFrame(frame)).toEqual({ kind: "event", eventName: "ringing", payload: { roomId: "r", userId: "u" } });
  });

  test("that refuses an unreadable one has no name", () => {
    expect(parseFrame({ answer: null, error: 400, message: "?" })).toMatchObject({
      kind: "answer",
      answer: null,
      error: 400,
    });
  });

  test.each([
    null,
    undefined,
    7,
    "",
    "{",
    "[]",
    [],
    {},
    { type: "event" },
    { type: "event", payload: { eventName: 3 } },
    { cancel: 4 },
    { request: "invitation" },
    { ...INVITATION, requestID: 9 },
    { ...INVITATION, payload: { ...INVITATION.payload, token: null } },
    { ...INVITATION, payload: { ...INVITATION.payload, server: "wss://x" } },
    { request: "somethingNew", requestID: "x" },
  ])("that makes no sense is nothing (%j)", (data) => {
    expect(parseFrame(data)).toBeNull();
  });
});

test("a room may name itself by uuid, and lacks no bitrate", () => {
  const { uuid, token, server } = INVITATION.payload;
  expect(parseRoom({ uuid, token, server })).toMatchObject({ room: uuid, bitrate: 1024, ice: [], participants: [] });
});

test("ICE servers that are none are left out of a room", () => {
  const ice = [{ urls: "stun:a" }, { url: "stun:b" }, null, { urls: ["turn:c"], username: "u", credential: "p" }];
  expect(parseRoom({ ...INVITATION.payload, ice })?.ice).toEqual([ice[0], ice[3]]);
});

describe("where a room has moved", () => {
  const server = { https: "wss://media.example/sfu2/socket.io", wss: "wss://media.example/ws-sfu2" };
  const told = { roomId: "r", token: "t", server };

  test("is its node's addresses and my token", () => {
    expect(parseMoved(told)).toEqual({ room: "r", token: "t", server });
  });

  test.each([null, {}, { ...told, roomId: 7 }, { ...told, token: undefined }, { ...told, server: { wss: "x" } }])(
    "is unknown from %j",
    (payload) => {
      expect(parseMoved(payload)).toBeNull();
    },
  );
});
