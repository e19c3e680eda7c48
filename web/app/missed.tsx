/** Calls that nobody took, with a way to call back. */

import type { JSX } from "preact";

import type { MissedCall, Tertulia } from "../client";
import { Avatar } from "./avatar";
import { Camera, Phone } from "./icons";
import { timeOf } from "./rules";

export function Missed({ client }: { client: Tertulia }): JSX.Element | null {
  if (client.missed.length === 0) return null;
  return (
    <section class="card" aria-labelledby="missed-title" data-testid="missed">
      <h2 id="missed-title">Missed calls</h2>
      <ul class="list">
        {client.missed.map((call) => (
          <One key={call.id} call={call} client={client} />
        ))}
      </ul>
    </section>
  );
}

function One({ call, client }: { call: MissedCall; client: Tertulia }): JSX.Element {
  const name = client.nameOf(call.from);
  return (
    <li data-testid="missed-call">
      <Avatar name={name} />
      <span class="who">
        <strong>{name}</strong>
        <small>
          <time dateTime={new Date(call.at).toISOString()}>{timeOf(call.at, Date.now())}</time>
        </small>
      </span>
      <button
        class="round"
        type="button"
        disabled={client.link !== "online"}
        aria-label={`Call ${name} back`}
        onClick={() => client.call(call.from, { audio: true, video: call.video })}
      >
        {call.video ? <Camera /> : <Phone />}
      </button>
    </li>
  );
}
