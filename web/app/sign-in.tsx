/** The first screen: name and password. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { sentence, type Tertulia } from "../client";
import { Message } from "./messages";

export function SignIn({ client }: { client: Tertulia }): JSX.Element {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);

  const signIn = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    await client.signIn(username.trim(), password).catch((thrown: unknown) => setError(sentence(thrown)));
    setBusy(false);
  };

  return (
    <main class="sign-in">
      <form class="card" onSubmit={(event) => void signIn(event)}>
        <Logo />
        <p class="lead">Calls between people, in one place.</p>
        <label>
          <span>Name</span>
          <input
            data-testid="username"
            name="username"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            required
            autofocus
            value={username}
            onInput={(event) => setUsername(event.currentTarget.value)}
          />
        </label>
        <label>
          <span>Password</span>
          <input
            data-testid="password"
            name="password"
            type="password"
            autocomplete="current-password"
            required
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        <button class="primary wide" data-testid="sign-in" type="submit" disabled={isBusy}>
          {isBusy ? "Signing in…" : "Sign in"}
        </button>
        <Message kind="error" text={error ?? client.error} />
      </form>
    </main>
  );
}

export function Logo(): JSX.Element {
  return (
    <h1 class="logo">
      <img src={new URL("./icon.svg", import.meta.url).href} alt="" width="36" height="36" />
      Tertulia
    </h1>
  );
}
