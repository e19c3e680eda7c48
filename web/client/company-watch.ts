/**
 * Who is in the call, as node and signaling tell it, and the moment when nobody is left to wait for.
 *
 * room connection (roster), signaling (who left, why) -> **company watch** -> call session; company.ts has the rules
 */

import { NOBODY, accepted, deadline, isOver, left, present, rejoining, type Company } from "./company";
import { Emitter } from "./emitter";
import { text, type EventFrame } from "./frames";
import { EMPTY_ROSTER, others, type Roster } from "./seats";
import { TRANSFERRED } from "./transfer";

export interface CompanyWatchEvents {
  change: undefined;
  /** I am alone, and nobody is waited for. */
  over: { readonly wereLost: boolean };
}

/** The node's reason for a peer that it has not heard of any more. */
const CONNECTION_LOST = "connection lost";

export class CompanyWatch extends Emitter<CompanyWatchEvents> {
  #company: Company = NOBODY;
  #roster: Roster = EMPTY_ROSTER;
  #timer: number | undefined;
  #lastSeen: string | null = null;

  /** `isInviting`: while somebody is rung, being alone is not the end. */
  constructor(private readonly isInviting: () => boolean) {
    super();
  }

  /** User ids of those who are there. */
  get users(): string[] {
    return [...this.#company.present];
  }

  /** Who was there last: whose leaving ends the call. */
  get lastSeen(): string | null {
    return this.#lastSeen;
  }

  /** `user` accepted: waited for as long as it takes. */
  expect(user: string): void {
    this.#company = accepted(this.#company, user);
  }

  /** Another room: its users are there, or on their way. */
  startWith(users: readonly string[]): void {
    this.#roster = EMPTY_ROSTER;
    const now = performance.now();
    this.#company = users.reduce((company, user) => left(company, user, true, now), NOBODY);
  }

  /** The node's roster.  Before we are in (and while we join anew) it says nothing. */
  see(roster: Roster): void {
    this.#roster = roster;
    if (roster.peer === "") return;
    const users = new Set(others(roster).map((one) => one.participant));
    this.#become(present(this.#company, [...users], performance.now()));
  }

  /** Signaling's `participant-left`.  A user is gone with the last of his peers. */
  hearLeft({ userId, peer, reason }: EventFrame["payload"]): void {
    const user = text(userId) ?? "";
    const staying = others(this.#roster).filter((one) => one.peer !== peer);
    if (staying.some((one) => one.participant === user)) return;
    const mayReturn = reason === CONNECTION_LOST || reason === TRANSFERRED;
    this.#become(left(this.#company, user, mayReturn, performance.now()));
  }

  /** I join anew: the others may have to as well. */
  rejoining(): void {
    this.#become(rejoining(this.#company, performance.now()));
  }

  /** Looks again whether it is over: somebody who was rung does not come. */
  look(): void {
    this.#become(this.#company);
  }

  stop(): void {
    window.clearTimeout(this.#timer);
    this.forgetListeners();
  }

  #become(company: Company): void {
    this.#company = company;
    this.#lastSeen = this.users[0] ?? this.#lastSeen;
    window.clearTimeout(this.#timer);
    const now = performance.now();
    const until = deadline(company);
    if (!this.isInviting() && isOver(company, now)) this.emit("over", { wereLost: company.wasLost });
    else if (until !== null && until > now) this.#timer = window.setTimeout(() => this.look(), until - now + 1);
    this.emit("change", undefined);
  }
}
