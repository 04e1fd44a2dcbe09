import type { Pod } from '../api/kinds/pod.ts';
import { controllerOf } from '../api/object.ts';
import type { Change } from '../store/store.ts';
import { afterOf, type CheckedWorld, type Checker, folderOf, podsFolder, Violation, valueOf } from './checker.ts';

/** Of a stateful set's pod only one of each name runs at any moment, whatever becomes of nodes, agents and networks. */
export class IdentityChecker implements Checker {
  readonly name = 'identity';
  readonly #world: CheckedWorld;
  /** By uid: `namespace/name`. */
  readonly #identities = new Map<string, string>();

  constructor(world: CheckedWorld) {
    this.#world = world;
  }

  commit(change: Change): void {
    if (folderOf(change.entry.key) !== podsFolder) return;
    const before = valueOf<Pod>(change.previous);
    const pod = afterOf<Pod>(change) ?? before;
    if (!pod || controllerOf(pod)?.kind !== 'StatefulSet') return;
    const { uid, namespace, name } = pod.metadata;
    if (change.type === 'put') this.#identities.set(uid, `${namespace}/${name}`);
    // Somebody who insists that a pod is gone at once answers for it.
    else if (before?.metadata.deletionTimestamp === undefined) this.#identities.delete(uid);
    this.verify();
  }

  verify(): void {
    if (this.#identities.size === 0) return;
    const running = new Map<string, { readonly uid: string; readonly node: string }>();
    for (const [node, runtime] of this.#world.runtimes) {
      for (const { sandbox, state } of runtime.seen().containers) {
        const identity = state === 'running' ? this.#identities.get(sandbox) : undefined;
        if (identity === undefined) continue;
        const other = running.get(identity);
        if (other && other.uid !== sandbox) {
          throw new Violation(this.name, `${identity} runs twice: on ${other.node} and on ${node}`);
        }
        running.set(identity, { uid: sandbox, node });
      }
    }
  }
}
