/**
 * Who is in the call with me, and whether it is worth waiting for somebody.  No sockets, no clock.
 *
 * node (who is there), signaling (why somebody left) -> **company** -> call session (alone: the call is over)
 *
 * The node is the first to say that somebody is gone, signaling says why: who hung up is not waited for, whose connection
 * was lost may join again.  Times are in ms.
 */

export interface Company {
  readonly present: ReadonlySet<string>;
  /** Users who may come (again), and until when that is waited for. */
  readonly awaited: ReadonlyMap<string, number>;
  /** Somebody was here, or accepted and left: before that being alone means nothing. */
  readonly hadAnybody: boolean;
  /** The last to go did not hang up. */
  readonly wasLost: boolean;
}

export const NOBODY: Company = { present: new Set(), awaited: new Map(), hadAnybody: false, wasLost: false };

/** Signaling's reason for a departure is not later than this after the node's word of it. */
export const REASON_MS = 1_500;
/** The node keeps a lost peer for 15 s before it says so; whoever is not back after this much more stays away. */
export const RETURN_MS = 20_000;

/** `user` accepted: waited for as long as it takes. */
export function accepted(company: Company, user: string): Company {
  if (company.present.has(user)) return company;
  return { ...company, awaited: new Map(company.awaited).set(user, Infinity) };
}

/** The node says who is there; who was and is not any more is waited for until signaling had time to say why. */
export function present(company: Company, users: readonly string[], now: number): Company {
  const awaited = new Map(company.awaited);
  for (const user of company.present) if (!awaited.has(user)) awaited.set(user, now + REASON_MS);
  for (const user of users) awaited.delete(user);
  const isAlone = users.length === 0;
  return {
    present: new Set(users),
    awaited,
    hadAnybody: company.hadAnybody || !isAlone,
    wasLost: isAlone && company.wasLost,
  };
}

/** Signaling says that `user` left, and whether the connection was lost. */
export function left(company: Company, user: string, wasLost: boolean, now: number): Company {
  const awaited = new Map(company.awaited);
  if (wasLost) awaited.set(user, now + RETURN_MS);
  else awaited.delete(user);
  const others = [...company.present].filter((one) => one !== user);
  return { present: new Set(others), awaited, hadAnybody: true, wasLost };
}

/** I have to join anew: the others may have to as well. */
export function rejoining(company: Company, now: number): Company {
  const awaited = new Map(company.awaited);
  for (const user of company.present) awaited.set(user, now + RETURN_MS);
  return { ...company, present: new Set(), awaited, wasLost: true };
}

/** Alone, and nobody to wait for. */
export function isOver(company: Company, now: number): boolean {
  return (
    company.hadAnybody && company.present.size === 0 && [...company.awaited.values()].every((until) => until <= now)
  );
}

/** When `isOver` may have changed by the passing of time alone; null: never. */
export function deadline(company: Company): number | null {
  const finite = [...company.awaited.values()].filter(Number.isFinite);
  return finite.length === 0 ? null : Math.max(...finite);
}
