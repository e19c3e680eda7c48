/** A call on show: everybody's tiles, my own picture, and the buttons. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { hasScreen, type CallSession, type Tertulia, type Tile } from "../client";
import { Avatar } from "./avatar";
import { useNow, useSize } from "./hooks";
import { AddPerson, Camera, CameraOff, HangUp, Microphone, MicrophoneOff, Screen } from "./icons";
import { columnsFor, duration } from "./rules";
import { Seat } from "./seat";

interface StageProps {
  readonly client: Tertulia;
  readonly call: CallSession;
}

export function Stage({ client, call }: StageProps): JSX.Element {
  const tiles = call.connection?.tiles ?? [];
  return (
    <main class="stage">
      {tiles.length === 0 ? (
        <Waiting client={client} call={call} />
      ) : (
        <Grid client={client} call={call} tiles={tiles} />
      )}
      <Preview call={call} name={client.identity?.username ?? ""} />
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
  return (
    <div class="waiting">
      <span class={call.state.phase === "connected" ? "" : "pulse"}>
        <Avatar name={name} size="large" />
      </span>
      <strong>{name}</strong>
      <small>{words[call.state.phase]}</small>
    </div>
  );
}

function Preview({ call, name }: { call: CallSession; name: string }): JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (element.current !== null) element.current.srcObject = call.stream;
  }, [call.stream]);
  return (
    <figure class={call.isCameraOn ? "preview seen" : "preview"}>
      <video ref={element} data-testid="local-video" muted playsInline autoplay />
      {!call.isCameraOn && <Avatar name={name} />}
      <figcaption>You</figcaption>
    </figure>
  );
}

function Controls({ client, call }: StageProps): JSX.Element {
  const [isInviting, setInviting] = useState(false);
  const isConnected = call.state.phase === "connected";
  return (
    <div class="controls" role="toolbar" aria-label="Call">
      <Clock since={call.connectedAt} />
      <Toggle
        testid="mute"
        isOn={!call.isMuted}
        label={call.isMuted ? "Unmute microphone" : "Mute microphone"}
        onClick={() => void call.setMuted(!call.isMuted)}
      >
        {call.isMuted ? <MicrophoneOff /> : <Microphone />}
      </Toggle>
      <Toggle
        testid="camera"
        isOn={call.isCameraOn}
        label={call.isCameraOn ? "Turn camera off" : "Turn camera on"}
        onClick={() => void call.setCamera(!call.isCameraOn)}
      >
        {call.isCameraOn ? <Camera /> : <CameraOff />}
      </Toggle>
      {isConnected && hasScreen() && (
        <Toggle
          testid="screen"
          isOn={call.screen === null}
          label={call.screen === null ? "Share screen" : "Stop sharing screen"}
          onClick={() => void call.setScreen(call.screen === null)}
        >
          <Screen />
        </Toggle>
      )}
      {isConnected && (
        <Toggle testid="invite" isOn={!isInviting} label="Add somebody" onClick={() => setInviting(!isInviting)}>
          <AddPerson />
        </Toggle>
      )}
      {isInviting && <Invite client={client} call={call} onDone={() => setInviting(false)} />}
      <button
        class="danger"
        data-testid="hang-up"
        type="button"
        aria-label={isConnected ? "Hang up" : "Cancel"}
        onClick={() => call.hangUp()}
      >
        <HangUp />
        <span>{isConnected ? "Hang up" : "Cancel"}</span>
      </button>
    </div>
  );
}

interface ToggleProps {
  readonly testid: string;
  readonly isOn: boolean;
  readonly label: string;
  readonly onClick: () => void;
  readonly children: JSX.Element;
}

function Toggle({ testid, isOn, label, onClick, children }: ToggleProps): JSX.Element {
  return (
    <button
      class={isOn ? "round large" : "round large off"}
      data-testid={testid}
      type="button"
      aria-label={label}
      title={label}
      aria-pressed={!isOn}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

function Clock({ since }: { since: number | null }): JSX.Element | null {
  const now = useNow(1_000);
  if (since === null) return null;
  return (
    <time class="clock" data-testid="clock">
      {duration((now - since) / 1000)}
    </time>
  );
}

function Invite({ client, call, onDone }: StageProps & { onDone: () => void }): JSX.Element {
  const [name, setName] = useState("");
  const present = new Set(call.connection?.tiles.map((tile) => tile.occupant.participant));
  const absent = client.users.filter((user) => user.id !== client.identity?.userId && !present.has(user.id));
  const invite = (event: Event) => {
    event.preventDefault();
    if (name.trim() === "") return;
    call.invite(name.trim());
    onDone();
  };
  return (
    <form class="card invite" onSubmit={invite}>
      <label for="invite-to">Add somebody to this call</label>
      <div class="row">
        <input
          id="invite-to"
          data-testid="invite-to"
          list="invitees"
          autocomplete="off"
          autocapitalize="none"
          autofocus
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <datalist id="invitees">
          {absent.map((user) => (
            <option key={user.id} value={user.username} />
          ))}
        </datalist>
        <button class="go" type="submit" data-testid="invite-send">
          Ring
        </button>
      </div>
    </form>
  );
}
