/** What the page asks me about: to mute, to let somebody in, to go back into a call; and what I have asked of others. */

import type { JSX } from "preact";

import type { Tertulia } from "../client";

export function Questions({ client }: { client: Tertulia }): JSX.Element {
  return (
    <>
      <MuteQuestion client={client} />
      {client.inviteRequests.map(({ requestID, from }) => (
        <Question
          key={requestID}
          testid="invite-request"
          text={`${client.nameOf(from)} asks to be let into ${client.isInCall ? "your call" : "a call with you"}.`}
          yes={client.isInCall ? "Let in" : "Call"}
          no="Decline"
          onAnswer={(isGranted) => client.answerRequest(requestID, isGranted)}
        />
      ))}
      <Asked client={client} />
      {client.rejoinable !== null && !client.isInCall && (
        <Question
          testid="rejoin"
          text="You were in a call when this page was loaded anew. It goes on."
          yes="Go back in"
          no="Leave it"
          onAnswer={(isGranted) =>
            isGranted ? client.rejoin({ audio: true, video: true }) : client.forgetRejoinable()
          }
        />
      )}
    </>
  );
}

/** I asked to be let into a call, and wait. */
function Asked({ client }: { client: Tertulia }): JSX.Element | null {
  if (client.asking === null) return null;
  return (
    <div class="message notice question" role="status" data-testid="asking">
      <span>{`Waiting for ${client.nameOf(client.asking)} to let you in…`}</span>
      <button class="secondary small" type="button" data-testid="asking-cancel" onClick={() => client.stopAsking()}>
        Cancel
      </button>
    </div>
  );
}

function MuteQuestion({ client }: { client: Tertulia }): JSX.Element | null {
  const call = client.current;
  const request = client.isInCall ? (call?.room.muteRequest ?? null) : null;
  if (request === null || call === null) return null;
  const device = request.media === "audio" ? "microphone" : "camera";
  const deed = request.muted ? "turn off" : "turn on";
  return (
    <Question
      testid="mute-request"
      text={`${client.nameOf(request.by)} asks you to ${deed} your ${device}.`}
      yes={request.muted ? "Turn off" : "Turn on"}
      no="Not now"
      onAnswer={(isGranted) => void call.answerMute(isGranted)}
    />
  );
}

interface QuestionProps {
  readonly testid: string;
  readonly text: string;
  readonly yes: string;
  readonly no: string;
  readonly onAnswer: (isGranted: boolean) => void;
}

function Question({ testid, text, yes, no, onAnswer }: QuestionProps): JSX.Element {
  return (
    <div class="message notice question" role="alertdialog" aria-label={text} data-testid={testid}>
      <span>{text}</span>
      <span class="row">
        <button class="go small" type="button" data-testid={`${testid}-yes`} onClick={() => onAnswer(true)}>
          {yes}
        </button>
        <button class="secondary small" type="button" data-testid={`${testid}-no`} onClick={() => onAnswer(false)}>
          {no}
        </button>
      </span>
    </div>
  );
}
