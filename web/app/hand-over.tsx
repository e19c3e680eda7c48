/** Handing a call over: at once, or after asking whoever is to take it; and the choice once he has been asked. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import type { CallSession } from "../client";
import { NameForm } from "./name-form";
import { Panel } from "./panel";
import { listed } from "./rules";
import type { StageProps } from "./stage";

/** To whom, and how. */
export function HandOver({ client, call, onDone }: StageProps & { onDone: () => void }): JSX.Element {
  const handOver = (name: string) => {
    void call.transfer(name);
    onDone();
  };
  const askFirst = (name: string) => {
    void client.consult(name, call.media);
    onDone();
  };
  return (
    <Panel label="Hand this call over" onClose={onDone}>
      <NameForm
        client={client}
        call={call}
        id="transfer-to"
        label="Hand this call over to"
        deeds={[
          { testid: "transfer-send", label: "Transfer now", onName: handOver },
          { testid: "consult-send", label: "Ask first", onName: askFirst },
        ]}
      />
      <small>
        Transfer now: you stay until they answer. Ask first: this call is put on hold while you talk to them alone.
      </small>
    </Panel>
  );
}

/** One call on hold, another in front: bring them together, or go back. */
export function Consulting({ client, call, parked }: StageProps & { parked: CallSession }): JSX.Element {
  const section = useRef<HTMLElement>(null);
  useEffect(() => section.current?.focus(), []);
  const waiting = listed(
    parked.company.length > 0 ? parked.company.map((user) => client.nameOf(user)) : [client.nameOf(parked.other)],
  );
  const asked = client.nameOf(call.company[0] ?? call.other);
  const isReady = call.state.phase === "connected" && call.company.length > 0 && !client.isConnecting;
  return (
    <section
      class="card consulting"
      aria-label="Hand the call over"
      tabIndex={-1}
      ref={section}
      data-testid="consulting"
    >
      <p role="status">{client.isConnecting ? `Connecting ${waiting} with ${asked}…` : `On hold: ${waiting}.`}</p>
      <div class="row">
        <button
          class="go"
          type="button"
          data-testid="connect"
          disabled={!isReady}
          title="You leave the call"
          onClick={() => void client.connect()}
        >
          {`Connect ${waiting} with ${asked}`}
        </button>
        <button
          class="secondary"
          type="button"
          data-testid="connect-all"
          disabled={!isReady}
          onClick={() => void client.connect({ isStaying: true })}
        >
          Talk together
        </button>
        <button
          class="secondary"
          type="button"
          data-testid="back"
          disabled={client.isConnecting}
          onClick={() => void client.back()}
        >
          {`Back to ${waiting}`}
        </button>
      </div>
    </section>
  );
}
