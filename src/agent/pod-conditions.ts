import type { Condition, ContainerStatus, PodStatus } from '../api/kinds/pod.ts';
import { timestamp } from '../base/text.ts';
import { initDone, type PodView } from './pod-view.ts';

export interface Reported {
  readonly phase: NonNullable<PodStatus['phase']>;
  readonly inits: readonly ContainerStatus[];
  readonly mains: readonly ContainerStatus[];
}

interface Fact {
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
}

const lastingTypes = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady'];
/** Told only as long as there is something to tell. */
const passingTypes = ['PodResizePending', 'PodResizeInProgress', 'AllContainersRestarting'];
const disruption = 'DisruptionTarget';

/** The conditions that an agent owns, then those of others (the scheduler, readiness gates) as they were. */
export function podConditions(view: PodView, reported: Reported): readonly Condition[] {
  const before = view.pod.status?.conditions ?? [];
  const containers = containersReady(view, reported);
  const facts: Record<string, Fact | undefined> = {
    PodReadyToStartContainers: { status: view.sandbox ? 'True' : 'False' },
    Initialized: initializedFact(view, reported),
    Ready: ready(view, containers),
    ContainersReady: containers,
    PodResizePending: view.pending ? { status: 'True', ...view.pending } : undefined,
    PodResizeInProgress: resizing(view),
    AllContainersRestarting: resetting(view, reported),
  };
  const { generation } = view.pod.metadata;
  if (view.ending && reported.phase === 'Failed') {
    const { message, disruption: told = message } = view.ending;
    facts.DisruptionTarget = { status: 'True', reason: 'TerminationByKubelet', message: told };
  }
  // Others tell of disruptions too: theirs stays, unless there is one of ours.
  const ownTypes = [...lastingTypes, ...passingTypes, ...(facts.DisruptionTarget ? [disruption] : [])];
  const own = ownTypes.flatMap((type): readonly Condition[] => {
    const fact = facts[type];
    if (!fact) return [];
    const old = before.find((condition) => condition.type === type);
    const since = old?.status === fact.status ? old.lastTransitionTime : undefined;
    const condition = {
      type,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      status: fact.status,
      lastProbeTime: null,
      lastTransitionTime: since ?? timestamp(view.now),
      ...(fact.reason ? { reason: fact.reason } : {}),
      ...(fact.message ? { message: fact.message } : {}),
    };
    return [condition];
  });
  const others = before.filter((condition) => !ownTypes.includes(condition.type));
  if (!others.some((condition) => condition.type === 'PodScheduled')) others.push(scheduled(view));
  return [...own, ...others];
}

function resizing({ inits, mains }: PodView): Fact | undefined {
  const changed = [...inits, ...mains].flatMap(({ resize }) => resize ?? []);
  if (changed.length === 0) return undefined;
  const failure = changed.find((resize) => resize.failure)?.failure;
  return { status: 'True', ...(failure ? { reason: 'Error', message: failure.message } : {}) };
}

/** Only of pods in which that may happen. */
function resetting({ pod, isResetting }: PodView, { phase }: Reported): Fact | undefined {
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const may = all.some(({ restartPolicyRules }) =>
    restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'),
  );
  if (!may) return undefined;
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  if (!isResetting) return { status: 'False' };
  const message = 'container exited with restart policy rule';
  return { status: 'True', reason: 'RestartAllContainersStarted', message };
}

// A pod that was bound by hand has been scheduled too.
const scheduled = (view: PodView): Condition => ({
  type: 'PodScheduled',
  ...(view.pod.metadata.generation === undefined ? {} : { observedGeneration: view.pod.metadata.generation }),
  status: 'True',
  lastProbeTime: null,
  lastTransitionTime: timestamp(view.now),
});

function containersReady(view: PodView, { phase, mains, inits }: Reported): Fact {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const sidecars = inits.filter((_status, index) => view.inits[index]?.role === 'sidecar');
  const unready = [...sidecars, ...mains].filter((status) => !status.ready).map((status) => status.name);
  if (unready.length === 0) return { status: 'True' };
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.join(' ')}]`,
  };
}

function ready(view: PodView, containers: Fact): Fact {
  if (containers.status !== 'True') return containers;
  const conditions = view.pod.status?.conditions ?? [];
  const messages: string[] = [];
  for (const { conditionType } of view.pod.spec.readinessGates ?? []) {
    const gate = conditions.find((condition) => condition.type === conditionType);
    if (!gate) {
      messages.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    } else if (gate.status !== 'True') {
      messages.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`);
    }
  }
  if (messages.length === 0) return { status: 'True' };
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}

function initializedFact(view: PodView, { phase }: Reported): Fact {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  if (view.initialized) return { status: 'True' };
  const waiting = view.inits.filter((init) => !initDone(init)).map((init) => init.container.name);
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${waiting.join(' ')}]`,
  };
}
