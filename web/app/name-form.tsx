/** A box for a name, with the users of my domain who are not in the call as suggestions, and what may be done with it. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { StageProps } from "./stage";

interface NameFormProps extends StageProps {
  readonly id: string;
  readonly label: string;
  /** The first is also done by Enter. */
  readonly deeds: readonly Deed[];
}

export interface Deed {
  readonly testid: string;
  readonly label: string;
  readonly onName: (name: string) => void;
}

export function NameForm({ client, call, id, label, deeds }: NameFormProps): JSX.Element {
  const [name, setName] = useState("");
  const present = new Set(call.company);
  const absent = client.users.filter((user) => user.id !== client.identity?.userId && !present.has(user.id));
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const act = (deed: Deed | undefined) => {
    if (name.trim() !== "") deed?.onName(name.trim());
  };
  return (
    <form
      class="name-form"
      onSubmit={(event) => {
        event.preventDefault();
        act(deeds[0]);
      }}
    >
      <label for={id}>{label}</label>
      <div class="row">
        <input
          id={id}
          data-testid={id}
          list={`${id}-list`}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          ref={input}
          required
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <datalist id={`${id}-list`}>
          {absent.map((user) => (
            <option key={user.id} value={user.username} />
          ))}
        </datalist>
      </div>
      <div class="row deeds">
        {deeds.map((deed, index) => (
          <button
            key={deed.testid}
            class={index === 0 ? "go" : "secondary"}
            type={index === 0 ? "submit" : "button"}
            data-testid={deed.testid}
            onClick={index === 0 ? undefined : () => act(deed)}
          >
            {deed.label}
          </button>
        ))}
      </div>
    </form>
  );
}
