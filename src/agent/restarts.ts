import type { Container } from '../api/kinds/pod.ts';
import { restartActionOf } from '../api/restart-rule.ts';
import type { Instant, Millis } from '../base/env.ts';
import type { Attempt, PodFacts, Role } from './pod-view.ts';

const crashDelayMinMs = 10_000;
const crashDelayMaxMs = 300_000;
/** A container that ran this long has made up for its crashes. */
const crashResetMs = 600_000;

/** A container and what is known of its attempts. */
export interface Seen {
  readonly container: Container;
  readonly role: Role;
  /** The newest first. */
  readonly attempts: readonly Attempt[];
}
/** The latest attempt ended, and another one is due. */
export interface Restart {
  readonly delayMs: Millis;
  readonly at: Instant;
  /** From this attempt on crashes are counted anew. */
  readonly streakFrom?: number;
}
/** The end of a container at which all of its pod were to begin anew. */
export interface Reset {
  readonly container: string;
  readonly attempt: number;
  readonly endedAt: Instant;
  readonly backOff: BackOff;
}
type BackOff = Omit<Restart, 'at'>;

/** When the container is started again, after its own end. */
export function restartOf(facts: PodFacts, { container, role, attempts: [latest] }: Seen): Restart | undefined {
  if (latest?.state !== 'exited' || role === 'ephemeral') return undefined;
  const policy = role === 'sidecar' ? 'Always' : (container.restartPolicy ?? facts.pod.spec.restartPolicy ?? 'Always');
  const succeeded = latest.exitCode === 0;
  const never = policy === 'Never' || (succeeded && (policy === 'OnFailure' || role === 'init'));
  if (never && actionOf(container, latest) !== 'Restart') return undefined;
  // Of an attempt that the engine has lost nobody knows the end. Its wait must not move along with the clock.
  const ended = latest.finishedAt ?? latest.startedAt;
  const wait = backOff(facts, container.name, latest);
  return { ...wait, at: ended === undefined ? facts.now : ((ended + wait.delayMs) as Instant) };
}

/** The last time that the rule of some container has asked for all of its pod to begin anew. */
export function lastReset(facts: PodFacts, inits: readonly Seen[], mains: readonly Seen[]): Reset | undefined {
  let last: Reset | undefined;
  for (const { container, role, attempts } of [...inits, ...mains]) {
    const trigger = attempts.find((attempt) => isTrigger(container, attempt));
    const endedAt = trigger?.finishedAt;
    if (!trigger || endedAt === undefined || (last && last.endedAt >= endedAt)) continue;
    // Once all main containers have ended for good, sidecars are asked to end, and mean nothing by it.
    if (role === 'sidecar' && mains.every((main) => isOverBy(facts, main, endedAt))) continue;
    const { name } = container;
    last = { container: name, attempt: trigger.attempt, endedAt, backOff: backOff(facts, name, trigger) };
  }
  return last;
}

/** Whether an attempt was there before the pod was to begin anew. */
export function belongsBefore({ container, attempt, endedAt }: Reset, name: string, latest: Attempt): boolean {
  if (name === container) return latest.attempt <= attempt;
  const began = latest.startedAt ?? latest.finishedAt;
  return latest.state !== 'created' && began !== undefined && began < endedAt;
}

/** Whoever has asked for it again and again waits for it longer and longer, and all of its pod with it. */
export function restartAfter(reset: Reset, { container, role, attempts: [latest] }: Seen): Restart | undefined {
  if (latest?.state !== 'exited' || role === 'ephemeral') return undefined;
  const { delayMs } = reset.backOff;
  const at = (reset.endedAt + delayMs) as Instant;
  if (container.name === reset.container) return { ...reset.backOff, at };
  // The others have not crashed.
  return { delayMs, at, streakFrom: latest.attempt + 1 };
}

const actionOf = ({ restartPolicyRules }: Container, { exitCode = 0 }: Attempt): string | undefined =>
  restartActionOf(restartPolicyRules, exitCode);

const isTrigger = (container: Container, attempt: Attempt): boolean =>
  attempt.state === 'exited' && actionOf(container, attempt) === 'RestartAllContainers';

function isOverBy(facts: PodFacts, seen: Seen, at: Instant): boolean {
  const [latest] = seen.attempts;
  if (latest?.state !== 'exited' || isTrigger(seen.container, latest)) return false;
  return (latest.finishedAt ?? at) <= at && restartOf(facts, seen) === undefined;
}

/** The first restart is immediate; from then on they wait, each time twice as long. */
function backOff({ streaks }: PodFacts, name: string, { attempt, startedAt, finishedAt }: Attempt): BackOff {
  const ended = finishedAt ?? startedAt;
  const recovered = ended !== undefined && startedAt !== undefined && ended - startedAt > crashResetMs;
  const streak = recovered ? 0 : Math.max(0, attempt - (streaks.get(name) ?? 0));
  if (streak === 0) return { delayMs: 0, streakFrom: attempt };
  return { delayMs: Math.min(crashDelayMinMs * 2 ** (streak - 1), crashDelayMaxMs) };
}
