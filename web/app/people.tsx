/** Whom to call: a box to type a name into, and the users of my domain with who is online. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { MediaTypes, Tertulia, User } from "../client";
import { Avatar } from "./avatar";
import { Camera, Enter, Phone } from "./icons";
import { Missed } from "./missed";

const VIDEO: MediaTypes = { audio: true, video: true };
const AUDIO: MediaTypes = { audio: true, video: false };

export function People({ client }: { client: Tertulia }): JSX.Element {
  const [callee, setCallee] = useState("");
  const others = client.users.filter((user) => user.id !== client.identity?.userId).sort(onlineFirst);
  const call = (media: MediaTypes) => {
    if (callee.trim() !== "") client.call(callee.trim(), media);
  };
  const isReady = client.link === "online" && callee.trim() !== "";

  return (
    <main class="people">
      <form
        class="card dial"
        onSubmit={(event) => {
          event.preventDefault();
          call(VIDEO);
        }}
      >
        <label for="callee">Call somebody</label>
        <div class="row">
          <input
            id="callee"
            data-testid="callee"
            list="callees"
            placeholder="name or name@domain"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            value={callee}
            onInput={(event) => setCallee(event.currentTarget.value)}
          />
          <datalist id="callees">
            {others.map((user) => (
              <option key={user.id} value={user.username} />
            ))}
          </datalist>
          <button class="go" data-testid="call" type="submit" disabled={!isReady} title="Call with video">
            <Camera />
            <span>Call</span>
          </button>
          <button
            class="secondary"
            data-testid="call-audio"
            type="button"
            disabled={!isReady}
            title="Call with voice only"
            aria-label="Call with voice only"
            onClick={() => call(AUDIO)}
          >
            <Phone />
          </button>
          <button
            class="secondary"
            data-testid="ask"
            type="button"
            disabled={!isReady || client.asking !== null}
            title="Ask to be let into a call"
            aria-label="Ask to be let into a call"
            onClick={() => client.ask(callee.trim(), VIDEO)}
          >
            <Enter />
          </button>
        </div>
      </form>
      <Missed client={client} />
      <section class="card" aria-labelledby="people-title">
        <h2 id="people-title">People</h2>
        {others.length === 0 ? (
          <p class="faint">{client.link === "online" ? "Nobody else is here yet." : "Connecting…"}</p>
        ) : (
          <ul class="list">
            {others.map((user) => (
              <Person key={user.id} user={user} client={client} />
            ))}
          </ul>
        )}
      </section>
    </main>
  );
}

function Person({ user, client }: { user: User; client: Tertulia }): JSX.Element {
  const isReady = client.link === "online";
  return (
    <li data-testid={`user-${user.username}`} data-online={user.online}>
      <span class={user.online ? "presence online" : "presence"}>
        <Avatar name={user.displayName} />
      </span>
      <span class="who">
        <strong>{user.displayName}</strong>
        <small>{user.online ? "online" : "offline"}</small>
      </span>
      <button
        class="round"
        type="button"
        disabled={!isReady}
        aria-label={`Call ${user.displayName} with voice only`}
        onClick={() => client.call(user.username, AUDIO)}
      >
        <Phone />
      </button>
      <button
        class="round"
        type="button"
        disabled={!isReady}
        aria-label={`Call ${user.displayName} with video`}
        onClick={() => client.call(user.username, VIDEO)}
      >
        <Camera />
      </button>
      <button
        class="round"
        type="button"
        disabled={!isReady || !user.online || client.asking !== null}
        aria-label={`Ask ${user.displayName} to let you into a call`}
        title="Ask to be let into a call"
        onClick={() => client.ask(user.id, VIDEO)}
      >
        <Enter />
      </button>
    </li>
  );
}

function onlineFirst(a: User, b: User): number {
  return Number(b.online) - Number(a.online) || a.displayName.localeCompare(b.displayName);
}
