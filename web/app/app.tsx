/** The page: signed out, at rest, or in a call; with what rings and what is wrong above all of them. */

import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";

import { Ringer, type Sound, type Tertulia } from "../client";
import { useClient } from "./hooks";
import { IncomingCalls } from "./incoming";
import { Message, errorOf, noticeOf, repairOf, statusOf } from "./messages";
import { People } from "./people";
import { Questions } from "./questions";
import { Logo, SignIn } from "./sign-in";
import { Stage } from "./stage";

export function App({ client }: { client: Tertulia }): JSX.Element {
  useClient(client);
  useRinging(client);
  if (client.identity === null) return <SignIn client={client} />;
  const call = client.current;
  return (
    <div class={client.isInCall ? "page calling" : "page"}>
      <Header client={client} />
      <div class="messages">
        <Repair text={repairOf(client)} />
        <Message kind="error" text={errorOf(client)} onClose={() => client.dismiss()} />
        <Questions client={client} />
        <Message kind="notice" text={noticeOf(client)} onClose={() => client.dismiss()} />
      </div>
      {call !== null && client.isInCall ? <Stage client={client} call={call} /> : <People client={client} />}
      <IncomingCalls client={client} />
    </div>
  );
}

function Header({ client }: { client: Tertulia }): JSX.Element {
  const { identity } = client;
  const phase = client.current?.state.phase ?? "idle";
  return (
    <header>
      <Logo />
      <p
        class="status"
        role="status"
        aria-live="polite"
        data-testid="status"
        data-phase={phase}
        data-link={client.link}
      >
        {statusOf(client)}
      </p>
      <span class="me">
        <span>{identity?.username}</span>
        <button class="secondary small" type="button" data-testid="sign-out" onClick={() => client.signOut()}>
          Sign out
        </button>
      </span>
    </header>
  );
}

function Repair({ text }: { text: string | null }): JSX.Element | null {
  if (text === null) return null;
  return (
    <div class="message repair" role="status" data-testid="reconnecting">
      <span class="spinner" aria-hidden="true" />
      <span>{text}</span>
    </div>
  );
}

/** The sound and the window's title that go with what rings. */
function useRinging(client: Tertulia): void {
  const ringer = useMemo(() => new Ringer(), []);
  const from = client.incoming[0]?.from;
  const sound: Sound | null =
    from !== undefined && !client.isInCall ? "ring" : client.current?.state.phase === "ringing" ? "ringback" : null;
  const title = from === undefined ? "Tertulia" : `${client.nameOf(from)} is calling · Tertulia`;
  useEffect(() => ringer.play(sound), [sound]);
  useEffect(() => {
    document.title = title;
  }, [title]);
}
