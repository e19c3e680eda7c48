/** The panel of an incoming call, over whatever else is on show. */

import type { JSX } from "preact";

import type { InvitationFrame, Tertulia } from "../client";
import { Avatar } from "./avatar";
import { Camera, HangUp, Phone } from "./icons";

export function IncomingCalls({ client }: { client: Tertulia }): JSX.Element {
  return (
    <div class="incoming" aria-live="assertive">
      {client.incoming.map((invitation) => (
        <Ringing key={invitation.requestID} invitation={invitation} client={client} />
      ))}
    </div>
  );
}

function Ringing({ invitation, client }: { invitation: InvitationFrame; client: Tertulia }): JSX.Element {
  const name = client.nameOf(invitation.from);
  const { requestID, mediatypes } = invitation;
  const kind = mediatypes.video ? "video call" : "voice call";
  return (
    <section class="card ringing" role="alertdialog" aria-label={`Incoming call from ${name}`} data-testid="incoming">
      <span class="pulse">
        <Avatar name={name} />
      </span>
      <span class="who">
        <strong>{name}</strong>
        <small>{client.isInCall ? `${kind}; answering ends your present call` : `Incoming ${kind}`}</small>
      </span>
      <span class="actions">
        <button class="danger" data-testid="decline" type="button" onClick={() => client.decline(requestID)}>
          <HangUp />
          <span>Decline</span>
        </button>
        {mediatypes.video && (
          <button
            class="secondary"
            data-testid="accept-audio"
            type="button"
            aria-label={`Accept ${name}'s call with voice only`}
            title="Accept with voice only"
            onClick={() => client.accept(requestID, { audio: true, video: false })}
          >
            <Phone />
          </button>
        )}
        <button class="go" data-testid="accept" type="button" onClick={() => client.accept(requestID, mediatypes)}>
          {mediatypes.video ? <Camera /> : <Phone />}
          <span>Accept</span>
        </button>
      </span>
    </section>
  );
}
