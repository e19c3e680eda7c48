/** A call on show: everybody's tiles, my own picture, and the controls. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { CallSession, Tertulia, Tile } from "../client";
import { Avatar } from "./avatar";
import { Controls } from "./controls";
import { Consulting } from "./hand-over";
import { useSize } from "./hooks";
import { columnsFor } from "./rules";
import { Seat } from "./seat";

export interface StageProps {
  readonly client: Tertulia;
  readonly call: CallSession;
}

export function Stage({ client, call }: StageProps): JSX.Element {
  const tiles = call.connection?.tiles ?? [];
  return (
    <main class={client.parked === null ? "stage" : "stage asking"}>
      {call.room.isHeld ? (
        <OnHold call={call} />
      ) : tiles.length === 0 ? (
        <Waiting client={client} call={call} />
      ) : (
        <Grid client={client} call={call} tiles={tiles} />
      )}
      <Preview call={call} name={client.identity?.username ?? ""} />
      {client.parked !== null && <Consulting client={client} call={call} parked={client.parked} />}
      <Controls client={client} call={call} />
    </main>
  );
}

function Grid({ client, call, tiles }: StageProps & { tiles: readonly Tile[] }): JSX.Element {
  const area = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(area);
  const [isBlocked, setBlocked] = useState(false);
  const { connection } = call;
  const speaking = new Set(connection?.speakers.map((one) => one.peer));
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
          tile={tile}
          name={client.nameOf(tile.occupant.participant)}
          stream={connection?.stream(tile) ?? null}
          isSpeaking={tile.occupant.source === "camera" && speaking.has(tile.occupant.peer)}
          quality={connection?.quality(tile) ?? null}
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
