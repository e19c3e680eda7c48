/** The people of a call: who is in it and what I may ask of them, who else is to come, and whether it is locked. */

import type { JSX } from "preact";

import { Avatar } from "./avatar";
import { Close, Lock, MicrophoneOff, Unlock } from "./icons";
import { NameForm } from "./name-form";
import { Panel } from "./panel";
import type { StageProps } from "./stage";

export function Company({ client, call, onDone }: StageProps & { onDone: () => void }): JSX.Element {
  const invite = (name: string) => {
    call.invite(name);
    onDone();
  };
  return (
    <Panel label="People in this call" onClose={onDone}>
      <NameForm
        client={client}
        call={call}
        id="invite-to"
        label="Add somebody to this call"
        deeds={[{ testid: "invite-send", label: "Ring", onName: invite }]}
      />
      <ul class="list">
        {call.company.map((user) => (
          <Present key={user} user={user} client={client} call={call} />
        ))}
      </ul>
      <div class="row">
        <button
          class="secondary"
          type="button"
          data-testid="lock"
          aria-pressed={call.room.isLocked}
          onClick={() => void call.room.setLocked(!call.room.isLocked)}
        >
          {call.room.isLocked ? <Unlock /> : <Lock />}
          <span>{call.room.isLocked ? "Unlock call" : "Lock call"}</span>
        </button>
        <button class="secondary" type="button" data-testid="end-for-all" onClick={() => void call.room.endForAll()}>
          End for everybody
        </button>
      </div>
    </Panel>
  );
}

function Present({ user, client, call }: StageProps & { user: string }): JSX.Element {
  const name = client.nameOf(user);
  return (
    <li data-testid="present" data-participant={user}>
      <Avatar name={name} />
      <span class="who">
        <strong>{name}</strong>
        <small>{call.room.held.includes(user) ? "on hold" : "in the call"}</small>
      </span>
      <button
        class="round"
        type="button"
        data-testid="ask-to-mute"
        aria-label={`Ask ${name} to mute`}
        title="Ask to mute"
        onClick={() => void call.room.askToMute(user)}
      >
        <MicrophoneOff />
      </button>
      <button
        class="round"
        type="button"
        data-testid="remove"
        aria-label={`Remove ${name} from the call`}
        title="Remove from the call"
        onClick={() => void call.room.remove(user)}
      >
        <Close />
      </button>
    </li>
  );
}
