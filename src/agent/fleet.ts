import type { Pod } from '../api/kinds/pod.ts';
import type { Cache } from '../machinery/cache.ts';

export type PodListener = (now: Pod | undefined, before: Pod | undefined) => void;

/** Hands each change of a pod to the agent of its node: one cache and one listener for any number of agents. */
export class AgentFleet {
  readonly cache: Cache<Pod>;
  readonly #agents = new Map<string, PodListener>();
  readonly #onSynced = new Set<() => void>();

  /** Before the cache runs: it gets the index `node`. */
  constructor(cache: Cache<Pod>) {
    this.cache = cache.index('node', (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []));
    cache.onChange((now, before) => {
      const node = now?.spec.nodeName ?? '';
      const from = before?.spec.nodeName ?? '';
      if (node !== '') this.#agents.get(node)?.(now, from === node ? before : undefined);
      if (from !== '' && from !== node) this.#agents.get(from)?.(undefined, before);
    });
    cache.onProgress(() => {
      if (!cache.synced || this.#onSynced.size === 0) return;
      const waiting = [...this.#onSynced];
      this.#onSynced.clear();
      for (const tell of waiting) tell();
    });
  }

  /** Told of the node's pods, those that are there first. Answers how to leave. */
  join(node: string, listener: PodListener): () => void {
    this.#agents.set(node, listener);
    for (const pod of this.cache.by('node', node)) listener(pod, undefined);
    return () => {
      if (this.#agents.get(node) === listener) this.#agents.delete(node);
    };
  }

  whenSynced(tell: () => void): void {
    if (this.cache.synced) tell();
    else this.#onSynced.add(tell);
  }
}
