/**
 * The frames of QSS, as values.
 *
 * wire (object or JSON text) -> **parseFrame** -> signaling -> client
 *
 * A frame is one of the three envelopes of docs/protocol: transactions `{request | answer | cancel}`, WAC responses, and
 * events.  What is not understood is null and is dropped by the caller: a newer server may say things we do not know.
 */

export interface MediaTypes {
  readonly audio: boolean;
  readonly video: boolean;
}

/** Where a room's node is: its Socket.IO address and its plain WebSocket. */
export interface NodeServer {
  readonly https: string;
  readonly wss: string;
}

export interface IceServer {
  readonly urls: string | string[];
  readonly username?: string;
  readonly credential?: string;
}

/** What a device needs to take part in a room: ROOM of the protocol, as far as a client looks at it. */
export interface Room {
  readonly room: string;
  readonly token: string;
  readonly server: NodeServer;
  readonly ice: readonly IceServer[];
  /** kbit/s that one publisher may send. */
  readonly bitrate: number;
  readonly participants: readonly string[];
  /** Who is on hold. */
  readonly held: readonly string[];
  /** Nobody new is admitted. */
  readonly isLocked: boolean;
}

/** Where a room goes on, and my way into it there. */
export interface Moved {
  readonly room: string;
  readonly token: string;
  readonly server: NodeServer;
}

/** Somebody asks to be invited into my room; I grant it by an invitation with `inReplyTo`, or decline. */
export interface InviteRequestFrame {
  readonly kind: "invite-request";
  readonly requestID: string;
  readonly from: string;
  readonly mediatypes: MediaTypes;
}

export interface InvitationFrame {
  readonly kind: "invitation";
  readonly requestID: string;
  readonly from: string;
  readonly to: string;
  readonly mediatypes: MediaTypes;
  /** The group that was called, where it was one. */
  readonly group: string | undefined;
  /** The request of mine that it grants, where I asked to be invited. */
  readonly inReplyTo: string | undefined;
  readonly room: Room;
}

export interface AnswerFrame {
  readonly kind: "answer";
  readonly answer: string | null;
  readonly requestID: string | undefined;
  readonly error: number | undefined;
  readonly message: string | undefined;
  readonly from: string | undefined;
  readonly whoAccepted: string | undefined;
  readonly payload: unknown;
}

export interface CancelFrame {
  readonly kind: "cancel";
  readonly cancel: string;
  readonly requestID: string | undefined;
  readonly error: number | undefined;
  readonly message: string | undefined;
}

export interface EventFrame {
  readonly kind: "event";
  readonly eventName: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface ResponseFrame {
  readonly kind: "response";
  readonly id: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

export type Frame = InvitationFrame | InviteRequestFrame | AnswerFrame | CancelFrame | EventFrame | ResponseFrame;

export function parseFrame(data: unknown): Frame | null {
  const frame = typeof data === "string" ? parseJson(data) : data;
  if (!isRecord(frame)) return null;
  if ("answer" in frame) return parseAnswer(frame);
  if ("cancel" in frame) return parseCancel(frame);
  if ("request" in frame) return parseRequest(frame);
  if (frame.type === "event") return parseEvent(frame.payload);
  if (frame.type === "response") return parseResponse(frame.payload);
  return null;
}

/** The ROOM of an answer to `createRoom` or `joinRoom`, or of an invitation's payload. */
export function parseRoom(payload: unknown): Room | null {
  if (!isRecord(payload)) return null;
  const { room, uuid, token, server, ice, bitrate, participants, held, locked } = payload;
  const id = text(room) ?? text(uuid);
  if (id === undefined || typeof token !== "string" || !isRecord(server)) return null;
  const https = text(server.https);
  if (https === undefined) return null;
  return {
    room: id,
    token,
    server: { https, wss: text(server.wss) ?? "" },
    ice: Array.isArray(ice) ? ice.filter(isIceServer) : [],
    bitrate: typeof bitrate === "number" && bitrate > 0 ? bitrate : 1024,
    participants: texts(participants),
    held: texts(held),
    isLocked: locked === true,
  };
}

/** The payload of `room-moved`: the room goes on at another node. */
export function parseMoved(payload: unknown): Moved | null {
  if (!isRecord(payload) || !isRecord(payload.server)) return null;
  const [room, token, https] = [text(payload.roomId), text(payload.token), text(payload.server.https)];
  if (room === undefined || token === undefined || https === undefined) return null;
  return { room, token, server: { https, wss: text(payload.server.wss) ?? "" } };
}

/** The rooms of an answer to `getRooms`. */
export function parseRooms(payload: unknown): Room[] {
  const rooms = isRecord(payload) && Array.isArray(payload.rooms) ? payload.rooms : [];
  return rooms.map(parseRoom).filter((room) => room !== null);
}

/** What rings at this device, of an answer to `currentInvitations`; null when that is not what it says. */
export function parseCurrent(payload: unknown): (InvitationFrame | InviteRequestFrame)[] | null {
  if (!isRecord(payload) || !Array.isArray(payload.currentInvitations)) return null;
  return payload.currentInvitations
    .filter(isRecord)
    .map(parseRequest)
    .filter((one) => one !== null);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

function parseJson(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}

function parseAnswer(frame: Record<string, unknown>): AnswerFrame {
  return {
    kind: "answer",
    answer: text(frame.answer) ?? null,
    requestID: text(frame.requestID),
    error: code(frame.error),
    message: text(frame.message),
    from: text(frame.from),
    whoAccepted: text(frame.whoAccepted),
    payload: frame.payload,
  };
}

function parseCancel(frame: Record<string, unknown>): CancelFrame | null {
  const cancel = text(frame.cancel);
  if (cancel === undefined) return null;
  return {
    kind: "cancel",
    cancel,
    requestID: text(frame.requestID),
    error: code(frame.error),
    message: text(frame.message),
  };
}

function parseRequest(frame: Record<string, unknown>): InvitationFrame | InviteRequestFrame | null {
  const { request, requestID, from } = frame;
  if (typeof requestID !== "string" || typeof from !== "string") return null;
  const mediatypes = parseMediaTypes(frame.mediatypes);
  if (request === "inviteRequest") return { kind: "invite-request", requestID, from, mediatypes };
  const room = parseRoom(frame.payload);
  if (request !== "invitation" || room === null) return null;
  const inReplyTo = isRecord(frame.payload) ? text(frame.payload.inReplyTo) : undefined;
  const [to, group] = [text(frame.to) ?? "", text(frame.group)];
  return { kind: "invitation", requestID, from, to, mediatypes, group, inReplyTo, room };
}

function parseMediaTypes(value: unknown): MediaTypes {
  if (!isRecord(value)) return { audio: true, video: false };
  return { audio: value.audio !== false, video: value.video === true };
}

function parseEvent(payload: unknown): EventFrame | null {
  if (!isRecord(payload)) return null;
  const eventName = text(payload.eventName);
  if (eventName === undefined) return null;
  return { kind: "event", eventName, payload: isRecord(payload.payload) ? payload.payload : {} };
}

function parseResponse(payload: unknown): ResponseFrame | null {
  if (!isRecord(payload)) return null;
  const id = text(payload.id);
  return id === undefined ? null : { kind: "response", id, payload };
}

function code(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function isIceServer(value: unknown): value is IceServer {
  return isRecord(value) && (typeof value.urls === "string" || Array.isArray(value.urls));
}
