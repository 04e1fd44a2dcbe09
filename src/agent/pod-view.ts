import type { Container, ContainerStatus, Pod } from '../api/kinds/pod.ts';
import type { Instant, Millis } from '../base/env.ts';
import { equalJson } from '../base/json.ts';
import { parseTime } from '../base/text.ts';
import { appliedResources, containerResources } from './container-resources.ts';
import { belongsBefore, lastReset, type Reset, type Restart, restartAfter, restartOf, type Seen } from './restarts.ts';
import type { ContainerState, Resources } from './runtime.ts';

/** So long it is told why an image could not be had, before it is told that there is a wait. */
export const pullErrorShownMs = 1_000;

/** All that is known about one pod, as given to the pure deciders. Maps are empty where nothing is known. */
export interface PodFacts {
  readonly pod: Pod;
  readonly now: Instant;
  readonly sandbox?: { readonly ips: readonly string[] };
  /** Every attempt of every container of this pod that the runtime still knows. */
  readonly containers: readonly ContainerState[];
  /** By container id. */
  readonly verdicts: ReadonlyMap<string, ProbeVerdict>;
  /** By container name: why the last try to start it failed. */
  readonly failures: ReadonlyMap<string, StartFailure>;
  /** By container name: the attempt from which crashes are counted. */
  readonly streaks: ReadonlyMap<string, number>;
  /** By container name: why what it may use could not be changed. */
  readonly resizeFailures?: ReadonlyMap<string, StartFailure>;
  /** Why the pod does not get what it has come to ask for. */
  readonly pending?: { readonly reason: string; readonly message: string };
  /** The node sends the pod away, and it never comes back. */
  readonly ending?: Ending;
  /** By container name, or '' for the sandbox: what is being done to it right now. */
  readonly busy: ReadonlyMap<string, Busy>;
}
export interface Ending {
  readonly reason: string;
  readonly message: string;
  /** What its condition says, where that is something else. */
  readonly disruption?: string;
  readonly graceMs: Millis;
}
/** What the probes say; a probe that has not decided yet says nothing. */
export interface ProbeVerdict {
  readonly started?: boolean;
  readonly ready?: boolean;
  readonly live?: boolean;
}
export interface StartFailure {
  readonly reason: string;
  readonly message: string;
  readonly at: Instant;
  /** Failures in a row. */
  readonly count: number;
}
export type Busy =
  | { readonly doing: 'pulling' | 'starting' | 'resizing' }
  | { readonly doing: 'stopping'; readonly graceMs: Millis };

export type Role = 'init' | 'sidecar' | 'main' | 'ephemeral';
export type Attempt = Omit<ContainerState, 'sandbox'>;
export interface ContainerView {
  readonly container: Container;
  readonly role: Role;
  readonly latest?: Attempt;
  /** The newest attempt that ended before the latest. */
  readonly previous?: Attempt;
  readonly started: boolean;
  readonly ready: boolean;
  /** A startup or liveness probe gave it up. */
  readonly dead: boolean;
  readonly failure?: StartFailure;
  readonly busy?: Busy;
  /** It runs, and what it may use is not what it is given. */
  readonly resize?: { readonly to: Resources; readonly restarts: boolean; readonly failure?: StartFailure };
  /** The latest attempt belongs to the time before all containers were to start again. */
  readonly isOld: boolean;
  /** The latest attempt ended and another one is due. */
  readonly restart?: Restart;
}
export interface PodView {
  readonly pod: Pod;
  readonly now: Instant;
  readonly sandbox?: { readonly ips: readonly string[] };
  readonly sandboxBusy: boolean;
  readonly inits: readonly ContainerView[];
  readonly mains: readonly ContainerView[];
  /** For looking into the pod: they start at any time, once, and decide nothing about it. */
  readonly ephemerals: readonly ContainerView[];
  /** Every init container has done its part, or a main container has run already. */
  readonly initialized: boolean;
  /** Containers that run are to end first, and then all begin anew. */
  readonly isResetting: boolean;
  /** No main container will ever run again. */
  readonly finished: boolean;
  readonly failedInit?: ContainerView;
  readonly deadlineAt?: Instant;
  readonly pending?: PodFacts['pending'];
  readonly ending?: Ending;
}

export const containerId = (uid: string, name: string, attempt: number): string => `${uid}_${name}_${attempt}`;

/** The parts of a container id; names hold no underscore. */
export function parseContainerId(id: string): {
  readonly uid: string;
  readonly name: string;
  readonly attempt: number;
} {
  const last = id.lastIndexOf('_');
  const middle = id.lastIndexOf('_', last - 1);
  return { uid: id.slice(0, middle), name: id.slice(middle + 1, last), attempt: Number(id.slice(last + 1)) };
}

export function podView(facts: PodFacts): PodView {
  const { pod, now } = facts;
  const byName = new Map<string, ContainerState[]>();
  for (const state of facts.containers) {
    const { name } = parseContainerId(state.id);
    const known = byName.get(name);
    if (known) known.push(state);
    else byName.set(name, [state]);
  }
  const known = (role: Role) => (container: Container) => ({
    container,
    role,
    attempts: attemptsOf(pod, container.name, byName.get(container.name) ?? []),
  });
  const seenInits = (pod.spec.initContainers ?? []).map((container) =>
    known(container.restartPolicy === 'Always' ? 'sidecar' : 'init')(container),
  );
  const seenMains = pod.spec.containers.map(known('main'));
  const reset = lastReset(facts, seenInits, seenMains);
  const see = (seen: Seen) => containerView(facts, seen, reset);
  const inits = seenInits.map(see);
  const mains = seenMains.map(see);
  const ephemerals = (pod.spec.ephemeralContainers ?? []).map(known('ephemeral')).map(see);
  const failedInit = inits.find((view) => view.role === 'init' && hasFailed(view));
  const start = pod.status?.startTime;
  const limit = pod.spec.activeDeadlineSeconds;
  return {
    pod,
    now,
    ...(facts.sandbox ? { sandbox: facts.sandbox } : {}),
    sandboxBusy: facts.busy.has(''),
    inits,
    mains,
    ephemerals,
    initialized: mains.some((view) => view.latest !== undefined && !view.isOld) || inits.every(initDone),
    isResetting: [...inits, ...mains, ...ephemerals].some((view) => view.isOld && isRunning(view)),
    finished: failedInit !== undefined || mains.every((view) => view.latest?.state === 'exited' && !view.restart),
    ...(failedInit ? { failedInit } : {}),
    ...(facts.pending ? { pending: facts.pending } : {}),
    ...(facts.ending ? { ending: facts.ending } : {}),
    ...(limit !== undefined && start ? { deadlineAt: (parseTime(start) + limit * 1000) as Instant } : {}),
  };
}

/** Whether the next container in order may start. */
export const initDone = (view: ContainerView): boolean =>
  !view.isOld &&
  (view.role === 'sidecar' ? view.started : view.latest?.state === 'exited' && view.latest.exitCode === 0);

export const isRunning = (view: ContainerView): boolean => view.latest?.state === 'running';

const hasFailed = (view: ContainerView): boolean =>
  view.latest?.state === 'exited' && view.latest.exitCode !== 0 && view.restart === undefined;

function attemptsOf(pod: Pod, name: string, states: readonly ContainerState[]): readonly Attempt[] {
  const status = statusOf(pod, name);
  const attempts: Attempt[] = [...states].sort((a, b) => b.attempt - a.attempt);
  const remembered = status && rememberedAttempt(status);
  // A container that the engine has lost still happened: its end is known, or at least that it had one.
  if (remembered && !(attempts[0] && attempts[0].attempt >= remembered.attempt)) attempts.unshift(remembered);
  return attempts;
}

function containerView(facts: PodFacts, seen: Seen, reset: Reset | undefined): ContainerView {
  const { container, role, attempts } = seen;
  const status = statusOf(facts.pod, container.name);
  const latest = attempts[0];
  const isOld = latest !== undefined && reset !== undefined && belongsBefore(reset, container.name, latest);
  const previous = attempts.slice(1).find((attempt) => attempt.state === 'exited');
  const verdict = (latest && facts.verdicts.get(latest.id)) ?? {};
  // An agent that starts again believes what it last reported, until its probes say otherwise.
  const adopted = latest !== undefined && status?.containerID?.endsWith(`//${latest.id}`) === true;
  const running = latest?.state === 'running';
  const started = running && (verdict.started ?? (!container.startupProbe || (adopted && status?.started === true)));
  const ready = started && (verdict.ready ?? (!container.readinessProbe || (adopted && status?.ready === true)));
  const failure = facts.failures.get(container.name);
  const busy = facts.busy.get(container.name);
  const restart = latest && (isOld && reset ? restartAfter(reset, seen) : restartOf(facts, seen));
  const resize = running && role !== 'init' ? resizeOf(facts, container, latest) : undefined;
  return {
    container,
    role,
    ...(latest ? { latest } : {}),
    ...(previous ? { previous } : {}),
    started,
    ready:
      role === 'init' ? !isOld && latest?.state === 'exited' && latest.exitCode === 0 : role !== 'ephemeral' && ready,
    dead: running && verdict.live === false,
    isOld,
    ...(failure ? { failure } : {}),
    ...(busy ? { busy } : {}),
    ...(resize ? { resize } : {}),
    ...(restart ? { restart } : {}),
  };
}

function resizeOf(facts: PodFacts, container: Container, { applied }: Attempt): ContainerView['resize'] {
  const to = containerResources(container);
  const wanted = appliedResources(to);
  if (!applied || equalJson(applied, wanted)) return undefined;
  const changes = {
    cpu: applied.cpuShares !== wanted.cpuShares || applied.cpuQuotaMicros !== wanted.cpuQuotaMicros,
    memory: applied.memoryBytes !== wanted.memoryBytes,
  };
  const restarts = (container.resizePolicy ?? []).some(
    ({ resourceName, restartPolicy }) =>
      restartPolicy === 'RestartContainer' && changes[resourceName as keyof typeof changes],
  );
  const failure = facts.resizeFailures?.get(container.name);
  return { to, restarts, ...(failure ? { failure } : {}) };
}

function statusOf(pod: Pod, name: string): ContainerStatus | undefined {
  const named = (status: ContainerStatus) => status.name === name;
  const { containerStatuses, initContainerStatuses, ephemeralContainerStatuses } = pod.status ?? {};
  return (
    containerStatuses?.find(named) ?? initContainerStatuses?.find(named) ?? ephemeralContainerStatuses?.find(named)
  );
}

/** As upstream words it, whether the pod was deleted or not. */
const lostWhileRunning =
  'The container could not be located when the pod was deleted.  The container used to be Running';

function rememberedAttempt(status: ContainerStatus): Attempt | undefined {
  if (!status.containerID) return undefined;
  const id = status.containerID.slice(status.containerID.indexOf('//') + 2);
  const attempt = parseContainerId(id).attempt;
  if (Number.isNaN(attempt)) return undefined;
  const ended = status.state?.terminated ?? status.lastState?.terminated;
  const known = ended?.containerID === status.containerID ? ended : undefined;
  const began = known?.startedAt ?? status.state?.running?.startedAt;
  return {
    id,
    attempt,
    state: 'exited',
    exitCode: known?.exitCode ?? 137,
    reason: known ? (known.reason ?? 'Error') : 'ContainerStatusUnknown',
    ...(known?.message ? { message: known.message } : {}),
    ...(known ? {} : { message: lostWhileRunning }),
    imageId: status.imageID,
    ...(began ? { startedAt: parseTime(began) } : {}),
    ...(known?.finishedAt ? { finishedAt: parseTime(known.finishedAt) } : {}),
  };
}
