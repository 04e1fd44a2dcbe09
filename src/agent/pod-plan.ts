import type { Container, Probe } from '../api/kinds/pod.ts';
import { isFinished } from '../api/kinds/pod.ts';
import type { Millis } from '../base/env.ts';
import { parseTime } from '../base/text.ts';
import {
  type ContainerView,
  initDone,
  isRunning,
  type PodFacts,
  type PodView,
  podView,
  pullErrorShownMs,
} from './pod-view.ts';
import type { Resources } from './runtime.ts';

export const defaultGraceSeconds = 30;
/** What upstream leaves a container at least, between being asked and being killed. */
export const graceMinMs = 2_000;
const startDelayMinMs = 10_000;
const startDelayMaxMs = 300_000;
/** Attempts kept of each container: the current one, and one whose logs `--previous` shows. */
const attemptsKept = 2;

/** One thing to do to a pod. Steps of one plan do not wait for each other unless they say so. */
export type Step =
  | { readonly do: 'open-sandbox' }
  /** Pull the image, create the container, start it. */
  | { readonly do: 'run'; readonly container: Container; readonly attempt: number; readonly streakFrom?: number }
  /** The preStop hook, SIGTERM, the grace, SIGKILL. */
  | {
      readonly do: 'stop';
      readonly container: Container;
      readonly id: string;
      readonly graceMs: Millis;
      readonly why: StopAll | 'unhealthy' | 'resized' | 'reset';
      readonly by?: ProbeKind;
    }
  /** What it may use changes while it runs. */
  | { readonly do: 'resize'; readonly container: Container; readonly id: string; readonly to: Resources }
  | { readonly do: 'remove'; readonly id: string }
  | { readonly do: 'close-sandbox' }
  /** After the sandbox is closed and the last status is written: the object itself goes. */
  | { readonly do: 'delete-pod' };

/** Why a whole pod ends. */
type StopAll = 'deleted' | 'deadline' | 'finished' | 'evicted';
export type ProbeKind = 'startup' | 'liveness' | 'readiness';
export interface ProbeTarget {
  readonly id: string;
  readonly container: Container;
  readonly kind: ProbeKind;
  readonly probe: Probe;
}
export interface PodPlan {
  readonly steps: readonly Step[];
  /** The probes that ought to be at work; all others are to end. */
  readonly probes: readonly ProbeTarget[];
  /** Look again after this long, whatever happens. */
  readonly again?: Millis;
}

/** What to do next about a pod. Pure: the same facts, the same steps. */
export function podPlan(facts: PodFacts): PodPlan {
  return planOf(podView(facts), facts);
}

export function planOf(view: PodView, facts: PodFacts): PodPlan {
  const { pod } = view;
  const draft = new Draft(view);
  if (pod.metadata.deletionTimestamp) draft.terminate();
  else if (isFinished(pod)) draft.stopAll('finished', 0);
  else if (view.ending) draft.stopAll('evicted', view.ending.graceMs);
  else if (view.deadlineAt !== undefined && view.deadlineAt <= view.now) draft.stopAll('deadline', 0);
  else if (view.finished) draft.stopAll('finished', 0);
  else draft.advance();
  draft.forgetOldAttempts(facts);
  return draft.plan();
}

/** The steps of one plan as they are found. */
class Draft {
  readonly #view: PodView;
  readonly #steps: Step[] = [];
  #again: Millis | undefined;

  constructor(view: PodView) {
    this.#view = view;
  }

  plan(): PodPlan {
    const again = this.#again;
    return { steps: this.#steps, probes: probesOf(this.#view), ...(again === undefined ? {} : { again }) };
  }

  /** Towards all containers running, init containers first and in order. */
  advance(): void {
    const view = this.#view;
    if (view.deadlineAt !== undefined) this.#later(view.deadlineAt - view.now);
    if (!view.sandbox) {
      if (view.sandboxBusy) return;
      const failure = view.mains[0]?.failure;
      if (failure?.reason === 'CreatePodSandboxError' && this.#waits(failure.at + startDelay(failure.count))) return;
      this.#steps.push({ do: 'open-sandbox' });
      return;
    }
    if (view.isResetting) {
      this.#stopOld();
      return;
    }
    for (const ephemeral of view.ephemerals) this.#drive(ephemeral);
    for (const init of view.inits) {
      // What ran once is not run again for a main container's sake; a sidecar is kept alive as long as the pod.
      if (init.role === 'sidecar' || !view.initialized) this.#drive(init);
      if (!view.initialized && !initDone(init)) return;
    }
    for (const main of view.mains) this.#drive(main);
  }

  /** Main containers first, then sidecars from last to first; once all have ended, sandbox and object go. */
  terminate(): void {
    const { pod, now } = this.#view;
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? defaultGraceSeconds) * 1000;
    const until = parseTime(pod.metadata.deletionTimestamp ?? '') - now;
    const stopped = this.stopAll('deleted', graceMs, Math.max(Math.min(graceMs, until), graceMinMs));
    if (!stopped || this.#view.sandboxBusy) return;
    if (this.#view.sandbox) this.#steps.push({ do: 'close-sandbox' });
    this.#steps.push({ do: 'delete-pod' });
  }

  /** Answers whether nothing runs and nothing is on its way. */
  stopAll(why: StopAll, graceMs: Millis, sidecarGraceMs?: Millis): boolean {
    const { mains, inits, ephemerals, pod } = this.#view;
    const own = (pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds) * 1000;
    const grace = why === 'deleted' ? graceMs : why === 'evicted' ? Math.min(graceMs, own) : own;
    const first = [...ephemerals, ...mains, ...inits.filter((view) => view.role === 'init')];
    if (!this.#stopThese(first, why, grace)) return false;
    for (const sidecar of inits.filter((view) => view.role === 'sidecar').reverse()) {
      if (!this.#stopThese([sidecar], why, sidecarGraceMs ?? grace)) return false;
    }
    return true;
  }

  /** All at once, without hooks and without grace: whoever asks for it wants the whole pod back soon. */
  #stopOld(): void {
    const { ephemerals, mains, inits } = this.#view;
    for (const view of [...ephemerals, ...mains, ...inits])
      if (view.isOld && isRunning(view)) this.#stop(view, 'reset', 0);
  }

  forgetOldAttempts(facts: PodFacts): void {
    for (const { container } of [...this.#view.inits, ...this.#view.mains]) {
      const prefix = `${this.#view.pod.metadata.uid}_${container.name}_`;
      const attempts = facts.containers.filter((state) => state.id.startsWith(prefix));
      attempts.sort((a, b) => b.attempt - a.attempt);
      for (const old of attempts.slice(attemptsKept)) {
        if (old.state !== 'running') this.#steps.push({ do: 'remove', id: old.id });
      }
    }
  }

  #stopThese(views: readonly ContainerView[], why: StopAll, graceMs: Millis): boolean {
    let stopped = true;
    for (const view of views) {
      if (view.busy?.doing === 'starting') stopped = false;
      else if (isRunning(view)) {
        stopped = false;
        this.#stop(view, why, graceMs);
      }
    }
    return stopped;
  }

  #stop(view: ContainerView, why: (Step & { do: 'stop' })['why'], graceMs: Millis): void {
    const id = view.latest?.id;
    // Being asked again is for those who now have less time.
    if (!id || (view.busy?.doing === 'stopping' && view.busy.graceMs <= graceMs) || view.busy?.doing === 'starting')
      return;
    const by = view.started ? ('liveness' as const) : ('startup' as const);
    this.#steps.push({
      do: 'stop',
      container: view.container,
      id,
      graceMs,
      why,
      ...(why === 'unhealthy' ? { by } : {}),
    });
  }

  #resize(view: ContainerView, { to, restarts, failure }: NonNullable<ContainerView['resize']>): void {
    const { latest, container } = view;
    if (!latest) return;
    const own = this.#view.pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds;
    if (restarts) this.#stop(view, 'resized', own * 1000);
    else if (!failure || !this.#waits(failure.at + startDelay(failure.count))) {
      this.#steps.push({ do: 'resize', container, id: latest.id, to });
    }
  }

  #drive(view: ContainerView): void {
    const { pod } = this.#view;
    if (view.busy) return;
    if (view.dead) {
      const probe = view.started ? view.container.livenessProbe : view.container.startupProbe;
      const seconds = probe?.terminationGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds;
      this.#stop(view, 'unhealthy', (seconds ?? defaultGraceSeconds) * 1000);
      return;
    }
    if (view.resize) {
      this.#resize(view, view.resize);
      return;
    }
    const { latest, restart, failure } = view;
    if (latest?.state === 'running' || (latest?.state === 'exited' && !restart)) return;
    if (restart && this.#waits(restart.at)) return;
    // A container that was made and could not begin has ended: its restart waits for that.
    const unmade = failure?.reason === 'RunContainerError' && restart ? undefined : failure;
    if (unmade && this.#waits(unmade.at + startDelay(unmade.count))) {
      this.#waits(unmade.at + pullErrorShownMs);
      return;
    }
    if (!restart) {
      this.#steps.push({ do: 'run', container: view.container, attempt: latest?.attempt ?? 0 });
      return;
    }
    const attempt = (latest?.attempt ?? 0) + 1;
    const { streakFrom } = restart;
    const fresh = streakFrom === undefined ? {} : { streakFrom };
    this.#steps.push({ do: 'run', container: view.container, attempt, ...fresh });
  }

  #waits(until: number): boolean {
    const { now } = this.#view;
    if (until <= now) return false;
    this.#later(until - now);
    return true;
  }

  #later(delay: Millis): void {
    this.#again = Math.max(1, Math.min(this.#again ?? Number.POSITIVE_INFINITY, delay));
  }
}

/** How long to leave a container that could not be pulled or created. */
export const startDelay = (count: number): Millis => Math.min(startDelayMinMs * 2 ** (count - 1), startDelayMaxMs);

function probesOf(view: PodView): readonly ProbeTarget[] {
  const deleting = view.pod.metadata.deletionTimestamp !== undefined;
  const targets: ProbeTarget[] = [];
  for (const { container, role, latest, started, busy } of [...view.inits, ...view.mains]) {
    if (role === 'init' || latest?.state !== 'running' || busy?.doing === 'starting') continue;
    const want = (kind: ProbeKind, probe: Probe | undefined) => {
      if (probe) targets.push({ id: latest.id, container, kind, probe });
    };
    const dying = deleting || busy?.doing === 'stopping';
    if (!started) {
      if (!dying) want('startup', container.startupProbe);
      continue;
    }
    if (!dying) want('liveness', container.livenessProbe);
    want('readiness', container.readinessProbe);
  }
  return targets;
}
