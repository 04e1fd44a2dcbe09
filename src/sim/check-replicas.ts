import type { Deployment } from '../api/kinds/deployment.ts';
import { type IntOrString, isFinished, type Pod } from '../api/kinds/pod.ts';
import type { ReplicaSet } from '../api/kinds/replica-set.ts';
import { controllerOf } from '../api/object.ts';
import type { Millis } from '../base/env.ts';
import type { Change } from '../store/store.ts';
import { afterOf, type CheckedWorld, type Checker, folderOf, podsFolder, Violation, valueOf } from './checker.ts';

const setsFolder = '/apps/replicasets/';
const deploymentsFolder = '/apps/deployments/';
/** What was decided just before a wish changed, or before a restart, may still be on its way. */
const underWayMs: Millis = 5_000;

/** How many are wanted, and how many were until lately. */
class Wish {
  now = 0;
  readonly #former: { readonly count: number; readonly until: Millis }[] = [];

  set(count: number, at: Millis): void {
    if (count < this.now) this.#former.push({ count: this.now, until: at + underWayMs });
    this.now = count;
  }

  /** The most that anyone may still be working towards. */
  most(at: Millis): number {
    while (this.#former.length > 0 && (this.#former[0]?.until ?? 0) < at) this.#former.shift();
    return Math.max(this.now, ...this.#former.map(({ count }) => count));
  }
}

/** No replica set makes more pods than it wants, and no rollout asks for more than its surge allows. */
export class ReplicaChecker implements Checker {
  readonly name = 'replicas';
  readonly #world: CheckedWorld;
  readonly #active = new Map<string, Set<string>>();
  readonly #sets = new Map<string, Wish>();
  /** Per deployment, what its sets ask for. */
  readonly #asked = new Map<string, Map<string, number>>();
  readonly #most = new Map<string, Wish>();

  constructor(world: CheckedWorld) {
    this.#world = world;
  }

  commit(change: Change): void {
    const folder = folderOf(change.entry.key);
    if (folder === podsFolder) this.#pod(valueOf<Pod>(change.previous), afterOf<Pod>(change));
    else if (folder === setsFolder) this.#set(valueOf<ReplicaSet>(change.previous), afterOf<ReplicaSet>(change));
    else if (folder === deploymentsFolder) this.#deployment(afterOf<Deployment>(change));
  }

  #pod(before: Pod | undefined, after: Pod | undefined): void {
    const former = before && controllerOf(before)?.uid;
    const owner = after && controllerOf(after)?.uid;
    if (before && former !== undefined && former !== owner) this.#active.get(former)?.delete(before.metadata.uid);
    if (!after || owner === undefined) return;
    const active = this.#active.get(owner) ?? new Set<string>();
    this.#active.set(owner, active);
    const isActive = !isFinished(after) && after.metadata.deletionTimestamp === undefined;
    if (isActive) active.add(after.metadata.uid);
    else active.delete(after.metadata.uid);
    const wish = this.#sets.get(owner);
    if (before || !wish || active.size <= wish.most(this.#now) || this.#isRestarted()) return;
    throw new Violation(this.name, `${after.metadata.name} is pod ${active.size} of a set that wants ${wish.now}`);
  }

  #set(before: ReplicaSet | undefined, after: ReplicaSet | undefined): void {
    const set = (after ?? before) as ReplicaSet;
    const { uid, name } = set.metadata;
    const replicas = after?.spec.replicas ?? 0;
    if (after) wishOf(this.#sets, uid).set(replicas, this.#now);
    else this.#sets.delete(uid);
    const owner = controllerOf(set)?.uid;
    if (owner === undefined) return;
    const asked = this.#asked.get(owner) ?? new Map<string, number>();
    this.#asked.set(owner, asked);
    const rises = replicas > (asked.get(uid) ?? 0);
    asked.set(uid, replicas);
    const most = this.#most.get(owner);
    const sum = [...asked.values()].reduce((total, one) => total + one, 0);
    if (!rises || !most || sum <= most.most(this.#now) || this.#isRestarted()) return;
    const text = `with ${name} a deployment asks for ${sum} pods, at most ${most.now} are allowed`;
    throw new Violation(this.name, text);
  }

  #deployment(deployment: Deployment | undefined): void {
    if (!deployment) return;
    const { replicas = 1, strategy } = deployment.spec;
    const surge = strategy?.type === 'Recreate' ? 0 : rounded(strategy?.rollingUpdate?.maxSurge ?? '25%', replicas);
    wishOf(this.#most, deployment.metadata.uid).set(replicas + surge, this.#now);
  }

  get #now(): Millis {
    return this.#world.clock.monotonic();
  }

  #isRestarted(): boolean {
    const hosts = ['controllers', 'server'];
    return hosts.some((host) => this.#now - (this.#world.restartedAt.get(host) ?? 0) < underWayMs);
  }
}

function wishOf(wishes: Map<string, Wish>, uid: string): Wish {
  const known = wishes.get(uid);
  if (known) return known;
  const wish = new Wish();
  wishes.set(uid, wish);
  return wish;
}

function rounded(amount: IntOrString, of: number): number {
  return typeof amount === 'number' ? amount : Math.ceil((Number.parseInt(amount, 10) * of) / 100);
}
