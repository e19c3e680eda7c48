/** A box for a name, with the users of my domain who are not in the call as suggestions. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { StageProps } from "./stage";

interface NameFormProps extends StageProps {
  readonly id: string;
  readonly label: string;
  readonly button: string;
  readonly onName: (name: string) => void;
}

export function NameForm({ client, call, id, label, button, onName }: NameFormProps): JSX.Element {
  const [name, setName] = useState("");
  const present = new Set(call.company);
  const absent = client.users.filter((user) => user.id !== client.identity?.userId && !present.has(user.id));
  const submit = (event: Event) => {
    event.preventDefault();
    if (name.trim() !== "") onName(name.trim());
  };
  return (
    <form class="name-form" onSubmit={submit}>
      <label for={id}>{label}</label>
      <div class="row">
        <input
          id={id}
          data-testid={id}
          list={`${id}-list`}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          autofocus
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <datalist id={`${id}-list`}>
          {absent.map((user) => (
            <option key={user.id} value={user.username} />
          ))}
        </datalist>
        <button class="go" type="submit" data-testid={`${id.replace("-to", "")}-send`}>
          {button}
        </button>
      </div>
    </form>
  );
}
