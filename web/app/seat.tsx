/** One tile of the stage: who sits in a seat, seen and heard. */

import type { JSX, RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

import type { RoomConnection, Tile } from "../client";
import { Avatar } from "./avatar";
import { seatLines } from "./figure-lines";
import { Lines } from "./figures";
import { MicrophoneOff, Pin } from "./icons";

export interface SeatProps {
  readonly connection: RoomConnection;
  readonly tile: Tile;
  readonly name: string;
  /** How he speaks: as the one who is heard most, along with that one, or not. */
  readonly speaking: "most" | "too" | null;
  /** The browser will not play before the user touches the page. */
  readonly onBlocked: () => void;
}

export function Seat({ connection, tile, name, speaking, onBlocked }: SeatProps): JSX.Element {
  const { source, reason } = tile.occupant;
  const figure = useLook(connection, tile);
  const stream = connection.stream(tile);
  const quality = connection.quality(tile);
  const figures = connection.measuring.of(tile);
  const label = source === "screen" ? `${name}'s screen` : name;
  const classes = ["seat", source, speaking === null ? "" : `speaking ${speaking}`, tile.hasVideo ? "seen" : ""];
  return (
    <figure
      class={classes.join(" ")}
      ref={figure}
      data-testid={`seat-${tile.seat}`}
      data-participant={tile.occupant.participant}
    >
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
      <PinToggle connection={connection} tile={tile} label={label} />
      {reason !== undefined && <p class="reason">{reason}</p>}
      {tile.isPaused && (
        <p class="reason paused" role="status" data-testid="paused">
          Their picture is paused: your connection is too slow
        </p>
      )}
      {figures !== null && <Lines lines={seatLines(figures, connection.measuring.figures?.rttMs)} />}
    </figure>
  );
}

/** In a room with more people than seats, this one stays. */
function PinToggle({
  connection,
  tile,
  label,
}: {
  connection: RoomConnection;
  tile: Tile;
  label: string;
}): JSX.Element {
  const isPinned = connection.isPinned(tile);
  const words = isPinned ? `Do not keep ${label} in view` : `Keep ${label} in view`;
  return (
    <button
      class={isPinned ? "plain pin pinned" : "plain pin"}
      data-testid="pin"
      type="button"
      aria-label={`Keep ${label} in view`}
      aria-pressed={isPinned}
      title={words}
      onClick={() => connection.pin(tile, !isPinned)}
    >
      <Pin />
    </button>
  );
}

/** Tells the node how large the seat is drawn, as long as it is. */
function useLook(connection: RoomConnection, { seat, occupant }: Tile): RefObject<HTMLElement | null> {
  const figure = useRef<HTMLElement>(null);
  useEffect(() => {
    const picture = figure.current?.querySelector("video");
    return picture === null || picture === undefined ? undefined : connection.watch(seat, picture);
  }, [connection, seat, occupant.source]); // a screen is seen whole, a face fills its tile
  return figure;
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
