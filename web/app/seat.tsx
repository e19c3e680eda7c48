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
      <Video stream={stream} onBlocked={onBlocked} />
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

interface VideoProps {
  readonly stream: MediaStream | null;
  readonly onBlocked: () => void;
}

function Video({ stream, onBlocked }: VideoProps): JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (video === null) return;
    video.srcObject = stream;
    if (stream === null) return;
    video.play().catch((thrown: unknown) => {
      if (thrown instanceof DOMException && thrown.name === "NotAllowedError") onBlocked();
    });
  }, [stream]);
  return <video ref={element} playsInline autoplay />;
}
