/** The buttons of a call, and the panels that some of them open. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { hasScreen } from "../client";
import { Company } from "./company";
import { useNow } from "./hooks";
import {
  AddPerson,
  Camera,
  CameraOff,
  Figures,
  HangUp,
  Microphone,
  MicrophoneOff,
  Pause,
  Play,
  Screen,
  Transfer,
} from "./icons";
import { HandOver } from "./hand-over";
import { duration } from "./rules";
import type { FiguresSwitch, StageProps } from "./stage";

export function Controls({ client, call, figures }: StageProps & { figures: FiguresSwitch }): JSX.Element {
  const [open, setOpen] = useState<"company" | "transfer" | null>(null);
  const toggle = (panel: "company" | "transfer") => setOpen(open === panel ? null : panel);
  const isConnected = call.state.phase === "connected";
  return (
    <div class="controls" role="toolbar" aria-label="Call">
      <Clock since={call.connectedAt} />
      <Devices client={client} call={call} />
      {isConnected && (
        <>
          <Toggle
            testid="hold"
            isOn={!call.room.isHeld}
            label={call.room.isHeld ? "Go on with the call" : "Hold"}
            onClick={() => void call.room.setHeld(!call.room.isHeld)}
          >
            {call.room.isHeld ? <Play /> : <Pause />}
          </Toggle>
          {client.parked === null && (
            <Opener testid="transfer" isOpen={open === "transfer"} label="Transfer" onClick={() => toggle("transfer")}>
              <Transfer />
            </Opener>
          )}
          <Opener testid="invite" isOpen={open === "company"} label="People" onClick={() => toggle("company")}>
            <AddPerson />
          </Opener>
          <Toggle testid="figures" isOn={!figures.areShown} label="Connection figures (S)" onClick={figures.toggle}>
            <Figures />
          </Toggle>
        </>
      )}
      {isConnected && open === "company" && <Company client={client} call={call} onDone={() => setOpen(null)} />}
      {isConnected && open === "transfer" && client.parked === null && (
        <HandOver client={client} call={call} onDone={() => setOpen(null)} />
      )}
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

function Devices({ call }: StageProps): JSX.Element {
  return (
    <>
      <Toggle
        testid="mute"
        isOn={!call.own.isMuted}
        label={call.own.isMuted ? "Unmute microphone" : "Mute microphone"}
        onClick={() => void call.own.setMuted(!call.own.isMuted)}
      >
        {call.own.isMuted ? <MicrophoneOff /> : <Microphone />}
      </Toggle>
      <Toggle
        testid="camera"
        isOn={call.own.isCameraOn}
        label={call.own.isCameraOn ? "Turn camera off" : "Turn camera on"}
        onClick={() => void call.own.setCamera(!call.own.isCameraOn)}
      >
        {call.own.isCameraOn ? <Camera /> : <CameraOff />}
      </Toggle>
      {call.state.phase === "connected" && hasScreen() && (
        <Toggle
          testid="screen"
          isOn={call.own.screen === null}
          label={call.own.screen === null ? "Share screen" : "Stop sharing screen"}
          onClick={() => void call.own.setScreen(call.own.screen === null)}
        >
          <Screen />
        </Toggle>
      )}
    </>
  );
}

interface ToggleProps {
  readonly testid: string;
  readonly isOn: boolean;
  readonly label: string;
  readonly onClick: () => void;
  readonly children: JSX.Element;
}

interface OpenerProps extends Omit<ToggleProps, "isOn"> {
  readonly isOpen: boolean;
}

/** A button that opens a panel, and closes it. */
function Opener({ testid, isOpen, label, onClick, children }: OpenerProps): JSX.Element {
  return (
    <button
      class={isOpen ? "round large off" : "round large"}
      data-testid={testid}
      type="button"
      aria-label={label}
      title={label}
      aria-expanded={isOpen}
      onClick={onClick}
    >
      {children}
    </button>
  );
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
