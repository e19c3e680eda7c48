/** What is told to the user: errors, notices, and banners while something is being repaired. */

import type { JSX } from "preact";

import { isTrouble, type CallSession, type Tertulia } from "../client";
import { Close } from "./icons";
import { listed } from "./rules";

interface MessageProps {
  readonly kind: "error" | "notice";
  readonly text: string | null;
  readonly onClose?: () => void;
}

export function Message({ kind, text, onClose }: MessageProps): JSX.Element | null {
  if (text === null) return null;
  return (
    <div class={`message ${kind}`} role={kind === "error" ? "alert" : "status"} data-testid={kind}>
      <span>{text}</span>
      {onClose !== undefined && (
        <button class="plain" type="button" aria-label="Dismiss" onClick={onClose}>
          <Close />
        </button>
      )}
    </div>
  );
}

/** What went wrong, wherever it did: the end of the call, the call, or the client. */
export function errorOf(client: Tertulia): string | null {
  const call = client.current;
  if (call?.state.phase === "ended" && isTrouble(call.state.reason)) return call.ending;
  return (client.isInCall ? call?.told.notice : null) ?? client.error;
}

/** What is worth telling and no error: what others did in the call, or the client's word. */
export function noticeOf(client: Tertulia): string | null {
  return (client.isInCall ? client.current?.told.news : null) ?? client.notice;
}

/** Where the call is, in words: the page's one status line. */
export function statusOf(client: Tertulia): string {
  const call = client.current;
  if (call === null) return client.link === "online" ? "Ready" : "Connecting…";
  const name = client.nameOf(call.other);
  switch (call.state.phase) {
    case "idle":
    case "calling":
      return `Calling ${name}…`;
    case "ringing":
      return `Ringing ${name}…`;
    case "connected":
      if (call.room.handingTo !== null) return `Handing over to ${client.nameOf(call.room.handingTo)}…`;
      if (call.room.isHeld) return "On hold";
      return call.company.length > 0 ? `In a call with ${companyOf(client, call)}` : `Connecting to ${name}…`;
    case "ended":
      return isTrouble(call.state.reason) ? "Call ended." : (call.ending ?? "");
  }
}

function companyOf(client: Tertulia, call: CallSession): string {
  return listed(call.company.map((user) => client.nameOf(user)));
}

/** What is being repaired; null while all is well. */
export function repairOf(client: Tertulia): string | null {
  const connection = client.isInCall ? (client.current?.connection ?? null) : null;
  if (client.link === "reconnecting") return "Connection to the server lost: reconnecting…";
  if (connection?.state === "connecting" && connection.isUnreachable) {
    return "The media server cannot be reached: trying again…";
  }
  if (connection?.state === "reconnecting") return "Connection to the call lost: reconnecting…";
  if (connection?.state === "connected" && !connection.isLinkUp) return "Link to the media server lost: reconnecting…";
  return null;
}
