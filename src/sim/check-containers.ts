import { parseContainerId } from '../agent/pod-view.ts';
import type { Pod } from '../api/kinds/pod.ts';
import type { Millis } from '../base/env.ts';
import type { Change } from '../store/store.ts';
import { afterOf, type CheckedWorld, type Checker, folderOf, podsFolder, Violation, valueOf } from './checker.ts';
import type { SimRuntime } from './runtime.ts';

/** How long an agent that lives and hears may take to clear away what lost its owner. */
const clearedWithinMs: Millis = 120_000;

/** No container without an owner, and no container of a pod running twice: a restarted agent adopts. */
export class ContainerChecker implements Checker {
  readonly name = 'containers';
  readonly #world: CheckedWorld;
  /** Which node a pod was bound to, also after it is gone. */
  readonly #nodeOf = new Map<string, string>();
  readonly #goneAt = new Map<string, Millis>();

  constructor(world: CheckedWorld) {
    this.#world = world;
  }

  commit(change: Change): void {
    if (folderOf(change.entry.key) !== podsFolder) return;
    const pod = afterOf<Pod>(change) ?? valueOf<Pod>(change.previous);
    if (!pod?.spec.nodeName) return;
    const { uid } = pod.metadata;
    this.#nodeOf.set(uid, pod.spec.nodeName);
    if (change.type === 'delete') this.#goneAt.set(uid, this.#world.clock.monotonic());
    const runtime = this.#world.runtimes.get(pod.spec.nodeName);
    if (runtime) this.#check(pod.spec.nodeName, runtime);
  }

  verify(): void {
    for (const [node, runtime] of this.#world.runtimes) this.#check(node, runtime);
  }

  /** After the faults are over and everything had its time: nothing is left of pods that are gone. */
  noneLeft(): void {
    for (const [node, runtime] of this.#world.runtimes) {
      // Without an agent nobody clears.
      if (!this.#world.isUp(node)) continue;
      for (const { id, sandbox } of runtime.seen().containers) {
        const gone = this.#goneAt.get(uidOf(sandbox));
        if (gone === undefined || this.#world.clock.monotonic() - gone < clearedWithinMs) continue;
        throw new Violation(this.name, `${id} still is on ${node}, though its pod is gone`);
      }
    }
  }

  #check(node: string, runtime: SimRuntime): void {
    const running = new Set<string>();
    for (const { id, sandbox, state } of runtime.seen().containers) {
      const uid = uidOf(sandbox);
      const owner = this.#nodeOf.get(uid);
      if (owner !== node)
        throw new Violation(this.name, `${id} is on ${node}, its pod belongs to ${owner ?? 'nobody'}`);
      if (state !== 'running') continue;
      const what = `${uid}/${parseContainerId(id).name}`;
      if (running.has(what)) throw new Violation(this.name, `container ${what} runs twice on ${node}`);
      running.add(what);
    }
  }
}

/** A planted engine may put something before the identity; a pod's own is its last part. */
const uidOf = (sandbox: string): string => sandbox.slice(sandbox.lastIndexOf(':') + 1);
