/** One tile of the stage: who sits in a seat, seen and heard. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import type { Quality, Tile } from "../client";
import { Avatar } from "./avatar";
import { MicrophoneOff } from "./icons";

export interface SeatProps {
  readonly tile: Tile;
  readonly name: string;
  readonly stream: MediaStream | null;
  readonly isSpeaking: boolean;
  readonly quality: Quality | null;
  /** The browser will not play before the user touches the page. */
  readonly onBlocked: () => void;
}

export function Seat({ tile, name, stream, isSpeaking, quality, onBlocked }: SeatProps): JSX.Element {
  const { source, reason } = tile.occupant;
  const label = source === "screen" ? `${name}'s screen` : name;
  const classes = ["seat", source, isSpeaking ? "speaking" : "", tile.hasVideo ? "seen" : ""].join(" ");
  return (
    <figure class={classes} data-testid={`seat-${tile.seat}`} data-participant={tile.occupant.participant}>
      <Player kind="video" stream={stream} onBlocked={onBlocked} />
      <Player kind="audio" stream={stream} onBlocked={onBlocked} />
      {!tile.hasVideo && <Avatar name={name} size="large" />}
      <figcaption>
        {tile.isMuted && (
          <span class="muted" role="img" aria-label="muted">
            <MicrophoneOff />
          </span>
        )}
        <span data-testid="seat-name">{label}</span>
        {quality !== null && (
          <span
            class={`dot ${quality}`}
            role="img"
            aria-label={`connection ${quality}`}
            title={`Connection: ${quality}`}
          />
        )}
      </figcaption>
      {reason !== undefined && <p class="reason">{reason}</p>}
    </figure>
  );
}

interface PlayerProps {
  readonly kind: "audio" | "video";
  readonly stream: MediaStream | null;
  readonly onBlocked: () => void;
}

/**
 * Plays one of the two tracks.  Each has its own element: one element for both waits for the first picture before it sounds,
 * so that somebody without a camera would never be heard.  Lips and voice are kept together below, by the seat's stream id.
 */
function Player({ kind, stream, onBlocked }: PlayerProps): JSX.Element {
  const element = useRef<HTMLVideoElement & HTMLAudioElement>(null);
  useEffect(() => {
    const player = element.current;
    if (player === null) return;
    player.srcObject = stream === null ? null : trackOf(stream, kind);
    if (stream === null) return;
    player.play().catch((thrown: unknown) => {
      if (thrown instanceof DOMException && thrown.name === "NotAllowedError") onBlocked();
    });
  }, [stream, kind]);
  return kind === "video" ? <video ref={element} muted playsInline autoplay /> : <audio ref={element} autoplay />;
}

function trackOf(stream: MediaStream, kind: "audio" | "video"): MediaStream {
  return new MediaStream(kind === "audio" ? stream.getAudioTracks() : stream.getVideoTracks());
}
