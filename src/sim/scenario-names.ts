import type { Pod } from '../api/kinds/pod.ts';
import { controllerOf, type KubeObject } from '../api/object.ts';
import { never } from '../base/stop.ts';
import { compareText } from '../base/text.ts';
import type { Store } from '../store/store.ts';

const setsFolder = '/apps/replicasets/';
const podsFolder = '/core/pods/';
const revisionsFolder = '/apps/controllerrevisions/';
const volumesFolder = '/core/persistentvolumes/';

/** Short names in the order of creation (web-A, web-A-1) for those drawn by chance: a new draw changes no answer. */
export class Names {
  readonly #short = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  constructor(store: Store) {
    const take: Parameters<Store['watch']>[2]['take'] = (batch) => {
      for (const { type, entry, previous } of batch) {
        if (type !== 'put' || previous) continue;
        if (entry.key.startsWith(revisionsFolder)) this.#set(entry.value as unknown as KubeObject);
        if (entry.key.startsWith(setsFolder)) this.#set(entry.value as unknown as KubeObject);
        if (entry.key.startsWith(volumesFolder)) this.#volume(entry.value as unknown as KubeObject);
        if (entry.key.startsWith(podsFolder)) this.#pod(entry.value as unknown as Pod);
      }
      return 'more';
    };
    store.watch('/', store.revision, { take, closed: () => {} }, never);
  }

  short(name: string): string {
    return this.#short.get(name) ?? name;
  }

  /** The drawn name of a short one. */
  long(short: string): string {
    for (const [name, one] of this.#short) if (one === short) return name;
    return short;
  }

  /** In any text. Longer names first: a pod's name begins with its set's. */
  replace(text: string): string {
    const names = [...this.#short].sort(([a], [b]) => b.length - a.length || compareText(a, b));
    return names.reduce((changed, [name, short]) => changed.replaceAll(name, short), text);
  }

  #set(set: KubeObject): void {
    const owner = controllerOf(set);
    if (!owner) return;
    const letter = String.fromCharCode('A'.charCodeAt(0) + this.#next(set, owner.name) - 1);
    this.#short.set(set.metadata.name, `${owner.name}-${letter}`);
  }

  /** What a provisioner made is called after its claim, whose uid is drawn. */
  #volume({ metadata, spec }: KubeObject): void {
    const { claimRef } = spec as { readonly claimRef?: { readonly name: string } };
    if (claimRef && metadata.name.startsWith('pvc-')) this.#short.set(metadata.name, `${claimRef.name}-volume`);
  }

  #pod(pod: Pod): void {
    const owner = controllerOf(pod);
    // Pods of stateful sets have names that chance has no part in.
    if (!owner || owner.kind === 'StatefulSet') return;
    this.#short.set(pod.metadata.name, `${this.short(owner.name)}-${this.#next(pod, owner.name)}`);
  }

  #next({ kind, metadata }: KubeObject, owner: string): number {
    const key = `${kind} ${metadata.namespace} ${owner}`;
    const next = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, next);
    return next;
  }
}
