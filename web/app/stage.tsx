/** A call on show: everybody's tiles, my own picture, and the controls. */

import type { JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import type { CallSession, RoomConnection, Tertulia, Tile } from "../client";
import { Avatar } from "./avatar";
import { Controls } from "./controls";
import { OwnFigures } from "./figures";
import { Consulting } from "./hand-over";
import { useKey, useSize } from "./hooks";
import { columnsFor } from "./rules";
import { Seat } from "./seat";

export interface StageProps {
  readonly client: Tertulia;
  readonly call: CallSession;
}

export function Stage({ client, call }: StageProps): JSX.Element {
  const { connection } = call;
  const tiles = connection?.tiles ?? [];
  const figures = useFigures(connection);
  return (
    <main class={client.parked === null ? "stage" : "stage asking"}>
      {call.room.isHeld ? (
        <OnHold call={call} />
      ) : connection === null || tiles.length === 0 ? (
        <Waiting client={client} call={call} />
      ) : (
        <Grid client={client} connection={connection} tiles={tiles} />
      )}
      <Preview call={call} name={client.identity?.username ?? ""} />
      {connection !== null && figures.areShown && <OwnFigures measuring={connection.measuring} />}
      {client.parked !== null && <Consulting client={client} call={call} parked={client.parked} />}
      <Controls client={client} call={call} figures={figures} />
    </main>
  );
}

export interface FiguresSwitch {
  readonly areShown: boolean;
  readonly toggle: () => void;
}

/** Figures over the pictures, by a button or by the key S; they cost the browser a little, so only while they are shown. */
function useFigures(connection: RoomConnection | null): FiguresSwitch {
  const [areShown, setShown] = useState(false);
  const toggle = useCallback(() => setShown((before) => !before), []);
  useKey("s", toggle);
  useEffect(() => {
    connection?.measuring.set(areShown);
    return () => connection?.measuring.set(false);
  }, [connection, areShown]);
  return { areShown, toggle };
}

interface GridProps {
  readonly client: Tertulia;
  readonly connection: RoomConnection;
  readonly tiles: readonly Tile[];
}

function Grid({ client, connection, tiles }: GridProps): JSX.Element {
  const area = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(area);
  const [isBlocked, setBlocked] = useState(false);
  const speakers = connection.speakers.map((one) => one.peer);
  const columns = columnsFor(tiles.length, width, height);
  const playAll = () => {
    setBlocked(false);
    area.current?.querySelectorAll<HTMLMediaElement>("video, audio").forEach((player) => void player.play());
  };
  return (
    <div class="grid" ref={area} style={{ "--columns": String(columns) }}>
      {tiles.map((tile) => (
        <Seat
          key={tile.seat}
          connection={connection}
          tile={tile}
          name={client.nameOf(tile.occupant.participant)}
          speaking={speaking(tile, speakers)}
          onBlocked={() => setBlocked(true)}
        />
      ))}
      {isBlocked && (
        <button class="primary unblock" type="button" onClick={playAll}>
          Press to see and hear
        </button>
      )}
    </div>
  );
}

/** The node names those who speak, the one who is heard most first, and bears with pauses: it is shown as it comes. */
function speaking({ occupant }: Tile, speakers: readonly string[]): "most" | "too" | null {
  if (occupant.source !== "camera" || !speakers.includes(occupant.peer)) return null;
  return speakers[0] === occupant.peer ? "most" : "too";
}

/** Nobody to see yet: whom we wait for. */
function Waiting({ client, call }: StageProps): JSX.Element {
  const name = client.nameOf(call.other);
  const words = { idle: "Calling…", calling: "Calling…", ringing: "Ringing…", connected: "Connecting…", ended: "" };
  const isHeld = call.room.held.length > 0;
  return (
    <div class="waiting">
      <span class={call.state.phase === "connected" ? "" : "pulse"}>
        <Avatar name={name} size="large" />
      </span>
      <strong>{name}</strong>
      <small>{isHeld ? `${client.nameOf(call.room.held[0] ?? "")} is on hold` : words[call.state.phase]}</small>
    </div>
  );
}

/** I am on hold: what that means, and the way back. */
function OnHold({ call }: { call: CallSession }): JSX.Element {
  return (
    <div class="waiting" data-testid="on-hold">
      <strong>On hold</strong>
      <small>Nobody in the call sees or hears you, and you see and hear nobody.</small>
      <button class="go" type="button" onClick={() => void call.room.setHeld(false)}>
        Go on with the call
      </button>
    </div>
  );
}

function Preview({ call, name }: { call: CallSession; name: string }): JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (element.current !== null) element.current.srcObject = call.own.stream;
  }, [call.own.stream]);
  return (
    <figure class={call.own.isCameraOn ? "preview seen" : "preview"}>
      <video ref={element} data-testid="local-video" muted playsInline autoplay />
      {!call.own.isCameraOn && <Avatar name={name} />}
      <figcaption>You</figcaption>
    </figure>
  );
}
