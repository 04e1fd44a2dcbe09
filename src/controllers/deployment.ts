import { type Deployment, deployments as deploymentKind } from '../api/kinds/deployment.ts';
import { conditionOf, isFinished, type Pod } from '../api/kinds/pod.ts';
import { type ReplicaSet, replicaSets as replicaSetKind } from '../api/kinds/replica-set.ts';
import { controllerOf, type Draft, type Key, keyOf, type Labels } from '../api/object.ts';
import { matcherOf } from '../api/selector.ts';
import type { Instant } from '../base/env.ts';
import { equalJson } from '../base/json.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import { byNamespace, byOwner, type Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Refusal, type Source, source } from '../machinery/controller.ts';
import {
  byAge,
  desiredAnnotation,
  maxAnnotation,
  maxReplicasOf,
  newSetSize,
  oldSetSizes,
  replicasOf,
  type Sizes,
  scaledSizes,
} from './deployment-sizes.ts';
import { hasDeadline, isComplete, nextStatus, type Progress } from './deployment-status.ts';
import { byOrphan, claim, controllerReference } from './ownership.ts';
import { isEndingNamespace } from './pod-refusal.ts';
import { podTemplateHashLabel, templateHash, templateText } from './revision-hash.ts';
import { statusPatch } from './status-patch.ts';

const revisionAnnotation = 'deployment.kubernetes.io/revision';
const historyAnnotation = 'deployment.kubernetes.io/revision-history';
/** What a deployment keeps to itself; its other annotations are copied to the set of the current template. */
const ownAnnotations = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  'deprecated.deployment.rollback.to',
]);
const historyDefault = 10;

export interface DeploymentObserved {
  readonly deployment: Deployment;
  /** Owned, and orphans of the namespace that match. */
  readonly sets: readonly ReplicaSet[];
  readonly pods: readonly Pod[];
  /** The name that a new set would get, and who has that name already. */
  readonly hash: string;
  readonly namesake: ReplicaSet | undefined;
}

/** Rolls a deployment from the replica set of one template to that of the next. */
export class DeploymentController implements Controller<DeploymentObserved> {
  readonly name = 'deployment-controller';
  readonly #deployments: Cache<Deployment>;
  readonly #sets: Cache<ReplicaSet>;
  readonly #pods: Cache<Pod>;

  constructor(deployments: Cache<Deployment>, sets: Cache<ReplicaSet>, pods: Cache<Pod>) {
    this.#deployments = deployments.index('namespace', byNamespace);
    this.#sets = sets.index('owner', byOwner).index('orphan', byOrphan);
    this.#pods = pods.index('owner', byOwner);
  }

  sources(): readonly Source[] {
    return [
      source(this.#deployments, (deployment) => [keyOf(deployment)]),
      source(this.#sets, (set) => this.#deploymentsOf(set)),
      source(this.#pods, (pod) => this.#waitingFor(pod)),
    ];
  }

  #deploymentsOf(set: ReplicaSet): readonly Key[] {
    const namespace = set.metadata.namespace ?? '';
    const owner = controllerOf(set);
    if (owner) return owner.kind === 'Deployment' ? [{ namespace, name: owner.name }] : [];
    const matching = this.#deployments
      .by('namespace', namespace)
      .filter((deployment) => matcherOf(deployment.spec.selector)(set.metadata.labels));
    return matching.map(keyOf);
  }

  /** Only Recreate waits for pods themselves: all else is said by the sets. */
  #waitingFor(pod: Pod): readonly Key[] {
    const owner = controllerOf(pod);
    const namespace = pod.metadata.namespace ?? '';
    const set = owner?.kind === 'ReplicaSet' ? this.#sets.get({ namespace, name: owner.name }) : undefined;
    const keys = set ? this.#deploymentsOf(set) : [];
    return keys.filter((key) => this.#deployments.get(key)?.spec.strategy?.type === 'Recreate');
  }

  observe(key: Key): DeploymentObserved | undefined {
    const deployment = this.#deployments.get(key);
    if (!deployment) return undefined;
    const owned = this.#sets.by('owner', deployment.metadata.uid);
    const matches = matcherOf(deployment.spec.selector);
    const orphans = this.#sets
      .by('orphan', key.namespace)
      .filter((set) => matches(set.metadata.labels) && !owned.includes(set));
    const sets = [...owned, ...orphans];
    const recreate = deployment.spec.strategy?.type === 'Recreate';
    const pods = recreate ? sets.flatMap((set) => this.#pods.by('owner', set.metadata.uid)) : [];
    const hash = templateHash(deployment.spec.template, deployment.status?.collisionCount);
    const namesake = this.#sets.get({ namespace: key.namespace, name: `${key.name}-${hash}` });
    return { deployment, sets, pods, hash, namesake };
  }

  plan(observed: DeploymentObserved, now: Instant): Plan {
    const { deployment } = observed;
    if (Object.keys(deployment.spec.selector).length === 0) return nothing;
    const selector = deployment.spec.selector;
    const claimed = claim(replicaSetKind, { kind: deploymentKind, owner: deployment, selector }, observed.sets);
    const sets = [...claimed.mine].sort(byAge);
    const text = templateText(deployment.spec.template);
    const newSet = sets.find((set) => templateText(set.spec.template) === text);
    const rollout = new Rollout(observed, { newSet, old: sets.filter((set) => set !== newSet), now });
    const rest = rollout.plan();
    return { ...rest, actions: [claimed.actions, ...rest.actions].filter((group) => group.length > 0) };
  }

  /** A name that is taken is found out at the next look; for all else the deployment says that it is stuck. */
  refused({ deployment, sets }: DeploymentObserved, refusal: Refusal, now: Instant): Plan {
    const { action, error } = refusal;
    const isSet = action.verb === 'create' && action.kind.plural === replicaSetKind.plural;
    if (!isSet || error.reason === 'AlreadyExists' || isEndingNamespace(refusal)) return nothing;
    const reason = 'ReplicaSetCreateError';
    const message = `Failed to create new replica set "${action.object.metadata.name}": ${error.message}`;
    const all = sets.filter((set) => controllerOf(set)?.uid === deployment.metadata.uid);
    const progress = hasDeadline(deployment) ? { progress: { status: 'False', reason, message } as const } : {};
    const { status } = nextStatus({ deployment, newSet: undefined, all, now, still: true, ...progress });
    const notice: Notice = { verb: 'event', about: deployment, type: 'Warning', reason, message };
    return { actions: [[notice], statusPatch(deploymentKind, deployment, status)] };
  }
}

interface Sets {
  readonly newSet: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
  readonly now: Instant;
}

/** One look at one deployment: every step adds to what is to be written. */
class Rollout {
  readonly #observed: DeploymentObserved;
  readonly #deployment: Deployment;
  readonly #sets: Sets;
  readonly #groups: (readonly (Action | Notice)[])[] = [];
  #progress: Progress | undefined;
  #revision: string | undefined;
  #created: string | undefined;

  constructor(observed: DeploymentObserved, sets: Sets) {
    this.#observed = observed;
    this.#deployment = observed.deployment;
    this.#sets = sets;
  }

  plan(): Plan {
    const { metadata, spec } = this.#deployment;
    if (metadata.deletionTimestamp !== undefined) return this.#finish({ still: true });
    this.#notePause();
    if (spec.paused || this.#isScaling()) {
      this.#resize(scaledSizes(this.#deployment, this.#sets.old, this.#sets.newSet), true);
      if (spec.paused) this.#cleanUp();
      return this.#finish({ still: true });
    }
    return spec.strategy?.type === 'Recreate' ? this.#recreate() : this.#roll();
  }

  #all(): readonly ReplicaSet[] {
    return this.#sets.newSet ? [...this.#sets.old, this.#sets.newSet] : this.#sets.old;
  }

  #isScaling(): boolean {
    const wanted = String(replicasOf(this.#deployment));
    const active = this.#all().filter((set) => replicasOf(set) > 0);
    return active.some((set) => (set.metadata.annotations?.[desiredAnnotation] ?? wanted) !== wanted);
  }

  #notePause(): void {
    if (!hasDeadline(this.#deployment)) return;
    const current = conditionOf(this.#deployment, 'Progressing');
    if (current?.reason === 'ProgressDeadlineExceeded') return;
    const paused = this.#deployment.spec.paused === true;
    const noted = current?.reason === 'DeploymentPaused';
    if (paused === noted) return;
    const [reason, message] = paused
      ? ['DeploymentPaused', 'Deployment is paused']
      : ['DeploymentResumed', 'Deployment is resumed'];
    this.#progress = { status: 'Unknown', reason, message };
  }

  #roll(): Plan {
    const { old, newSet } = this.#sets;
    if (!newSet) {
      if (this.#clash()) return this.#countClash();
      const size = newSetSize(this.#deployment, old, undefined);
      this.#create(size);
      this.#resize(oldSetSizes(this.#deployment, old, undefined), false);
      return this.#finish({ still: false });
    }
    const size = newSetSize(this.#deployment, this.#all(), newSet);
    const sizes: Sizes =
      size === replicasOf(newSet)
        ? oldSetSizes(this.#deployment, old, newSet)
        : new Map([[newSet.metadata.name, size]]);
    this.#resize(sizes, false);
    if (sizes.size === 0) this.#cleanUpWhenComplete();
    return this.#finish({ still: false });
  }

  #recreate(): Plan {
    const { old, newSet } = this.#sets;
    const active = old.filter((set) => replicasOf(set) > 0);
    if (active.length > 0) {
      this.#resize(new Map(active.map((set) => [set.metadata.name, 0])), false);
      return this.#finish({ still: false });
    }
    const oldUids = new Set(old.map((set) => set.metadata.uid));
    const running = this.#observed.pods.some((pod) => !isFinished(pod) && oldUids.has(controllerOf(pod)?.uid ?? ''));
    if (running) return this.#finish({ still: false });
    const wanted = replicasOf(this.#deployment);
    if (!newSet) {
      if (this.#clash()) return this.#countClash();
      this.#create(wanted);
      return this.#finish({ still: false });
    }
    this.#resize(replicasOf(newSet) === wanted ? new Map() : new Map([[newSet.metadata.name, wanted]]), false);
    this.#cleanUpWhenComplete();
    return this.#finish({ still: false });
  }

  #clash(): boolean {
    return this.#observed.namesake !== undefined;
  }

  /** Another set has the name already, so the next hash is to be another one. */
  #countClash(): Plan {
    const status = { ...this.#deployment.status, collisionCount: (this.#deployment.status?.collisionCount ?? 0) + 1 };
    return { actions: [statusPatch(deploymentKind, this.#deployment, status)] };
  }

  #create(size: number): void {
    const { hash } = this.#observed;
    const { metadata, spec } = this.#deployment;
    const revision = this.#nextRevision();
    const name = `${metadata.name}-${hash}`;
    const labels = { ...spec.template.metadata?.labels, [podTemplateHashLabel]: hash };
    const object: Draft<ReplicaSet> = {
      metadata: {
        name,
        namespace: metadata.namespace ?? '',
        labels,
        annotations: { ...copied(metadata.annotations), [revisionAnnotation]: revision, ...this.#sizeAnnotations() },
        ownerReferences: [controllerReference(deploymentKind, this.#deployment)],
      },
      spec: {
        replicas: size,
        selector: { ...spec.selector, matchLabels: { ...spec.selector.matchLabels, [podTemplateHashLabel]: hash } },
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
        ...(spec.minReadySeconds ? { minReadySeconds: spec.minReadySeconds } : {}),
      },
    };
    const told = size > 0 ? [this.#scaled(name, 0, size)] : [];
    this.#groups.push([act({ verb: 'create', kind: replicaSetKind, object }), ...told]);
    this.#revision = revision;
    this.#created = name;
    if (hasDeadline(this.#deployment)) {
      this.#progress = { status: 'True', reason: 'NewReplicaSetCreated', message: `Created new replica set "${name}"` };
    }
  }

  #nextRevision(): string {
    const past = this.#sets.old.map(revisionOf);
    return String(past.reduce((highest, revision) => (revision > highest ? revision : highest), 0n) + 1n);
  }

  #sizeAnnotations(): Labels {
    return {
      [desiredAnnotation]: String(replicasOf(this.#deployment)),
      [maxAnnotation]: String(maxReplicasOf(this.#deployment)),
    };
  }

  /** Writes sizes, together with what the set of the current template is to know of its deployment. */
  #resize(sizes: Sizes, annotateAlways: boolean): void {
    const group: (Action | Notice)[] = [];
    for (const set of this.#all()) {
      const { name } = set.metadata;
      const before = replicasOf(set);
      const size = sizes.get(name) ?? before;
      const wanted = set === this.#sets.newSet ? this.#newSetAnnotations(set) : {};
      const marks = size !== before || (annotateAlways && sizes.has(name)) ? this.#sizeAnnotations() : {};
      const annotations = changedOnly(set.metadata.annotations, { ...wanted, ...marks });
      const minReady =
        set === this.#sets.newSet ? (this.#deployment.spec.minReadySeconds ?? 0) : (set.spec.minReadySeconds ?? 0);
      const spec = {
        ...(size === before ? {} : { replicas: size }),
        ...(minReady === (set.spec.minReadySeconds ?? 0) ? {} : { minReadySeconds: minReady }),
      };
      const patch = {
        ...(equalJson(annotations, {}) ? {} : { metadata: { annotations } }),
        ...(equalJson(spec, {}) ? {} : { spec }),
      };
      if (!equalJson(patch, {})) group.push(act({ verb: 'patch', kind: replicaSetKind, key: keyOf(set), patch }));
      if (size !== before) group.push(this.#scaled(name, before, size));
    }
    if (group.length > 0) this.#groups.push(group);
  }

  #newSetAnnotations(set: ReplicaSet): Labels {
    const before = set.metadata.annotations?.[revisionAnnotation];
    const next = this.#nextRevision();
    const rises = revisionOf(set) < BigInt(next);
    this.#revision = rises ? next : before;
    if (hasDeadline(this.#deployment) && !this.#progress && !conditionOf(this.#deployment, 'Progressing')) {
      const message = `Found new replica set "${set.metadata.name}"`;
      this.#progress = { status: 'True', reason: 'FoundNewReplicaSet', message };
    }
    if (!rises) return copied(this.#deployment.metadata.annotations);
    const history = set.metadata.annotations?.[historyAnnotation];
    const past = before === undefined ? {} : { [historyAnnotation]: history ? `${history},${before}` : before };
    return { ...copied(this.#deployment.metadata.annotations), [revisionAnnotation]: next, ...past };
  }

  #scaled(name: string, from: number, to: number): Notice {
    const message = `Scaled ${to > from ? 'up' : 'down'} replica set ${name} from ${from} to ${to}`;
    return { verb: 'event', about: this.#deployment, reason: 'ScalingReplicaSet', message };
  }

  #cleanUpWhenComplete(): void {
    const { newSet, now } = this.#sets;
    const { status } = nextStatus({ deployment: this.#deployment, newSet, all: this.#all(), now, still: true });
    if (isComplete(this.#deployment, status)) this.#cleanUp();
  }

  #cleanUp(): void {
    const alive = this.#sets.old.filter((set) => set.metadata.deletionTimestamp === undefined);
    const tooMany = alive.length - (this.#deployment.spec.revisionHistoryLimit ?? historyDefault);
    if (tooMany <= 0) return;
    const oldest = [...alive].sort((a, b) => Number(revisionOf(a) - revisionOf(b))).slice(0, tooMany);
    const idle = oldest.filter(
      ({ metadata, spec, status }) =>
        spec.replicas === 0 &&
        (status?.replicas ?? 0) === 0 &&
        (metadata.generation ?? 0) <= (status?.observedGeneration ?? 0),
    );
    this.#groups.push(
      idle.map((set) => act({ verb: 'delete', kind: replicaSetKind, key: keyOf(set), uid: set.metadata.uid })),
    );
  }

  #finish({ still }: { readonly still: boolean }): Plan {
    const deployment = this.#deployment;
    const { newSet, now } = this.#sets;
    const progress = this.#progress ? { progress: this.#progress } : {};
    const created = this.#created === undefined ? {} : { created: this.#created };
    const facts = { deployment, newSet, all: this.#all(), now, still };
    const { status, again } = nextStatus({ ...facts, ...progress, ...created });
    const rises =
      this.#revision !== undefined && deployment.metadata.annotations?.[revisionAnnotation] !== this.#revision;
    // With the status, as a change of annotations on the way of the spec would count as a new generation.
    const annotations = rises ? { [revisionAnnotation]: this.#revision as string } : undefined;
    this.#groups.push(statusPatch(deploymentKind, deployment, status, annotations));
    return { actions: this.#groups, ...(again === undefined ? {} : { again }) };
  }
}

function copied(annotations: Labels | undefined): Labels {
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([name]) => !ownAnnotations.has(name)));
}

function changedOnly(before: Labels | undefined, wanted: Labels): Labels {
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => before?.[name] !== value));
}

/** Any number of 64 bits, which a set may bring along when it is adopted; what is no number counts as none. */
function revisionOf({ metadata }: ReplicaSet): bigint {
  const text = metadata.annotations?.[revisionAnnotation] ?? '';
  return /^-?\d{1,19}$/.test(text) ? BigInt(text) : 0n;
}
