import type { Json, JsonObject } from '../../base/json.ts';
import type { Store } from '../../store/store.ts';
import { allReady, Mirror } from './mirror.ts';
import { namesAlike, nodeOfPod, podReferences, vertex, volumeSecrets } from './node-references.ts';

/**
 * Which objects concern which node: a pod concerns the node it is bound to, and everything the pod names concerns the
 * node through the pod. Kept as counts, so that it is as cheap to take a pod away as to add one.
 */
export class NodeGraph {
  /** Vertex -> node -> by how many pods. */
  readonly #nodes = new Map<string, Map<string, number>>();
  readonly #claimOfVolume = new Map<string, string>();
  readonly #volumesOfSecret = new Map<string, Set<string>>();
  readonly #mirrors: readonly Mirror[];

  constructor(store: Store) {
    this.#mirrors = [
      new Mirror(store, '/core/pods/', (_key, next, previous) => {
        if (next !== undefined && previous !== undefined && namesAlike(next as JsonObject, previous as JsonObject))
          return;
        this.#countPod(previous, -1);
        this.#countPod(next, 1);
      }),
      new Mirror(store, '/core/persistentvolumes/', (_key, next, previous) => {
        this.#putVolume(previous, false);
        this.#putVolume(next, true);
      }),
      this.#byNodeName(store, 'storage.k8s.io', 'volumeattachments'),
      this.#byNodeName(store, 'resource.k8s.io', 'resourceslices'),
    ];
  }

  ready(): Promise<unknown> | undefined {
    return allReady(this.#mirrors);
  }

  concerns(node: string, resource: string, at: { readonly namespace: string; readonly name: string }): boolean {
    const start = vertex(resource, at.namespace, at.name);
    if (this.#nodes.get(start)?.has(node)) return true;
    if (resource === 'persistentvolumes') return this.#volumeConcerns(node, at.name);
    if (resource !== 'secrets') return false;
    return [...(this.#volumesOfSecret.get(start) ?? [])].some((volume) => this.#volumeConcerns(node, volume));
  }

  #volumeConcerns(node: string, volume: string): boolean {
    const claim = this.#claimOfVolume.get(volume);
    return claim !== undefined && (this.#nodes.get(claim)?.has(node) ?? false);
  }

  #byNodeName(store: Store, group: string, resource: string): Mirror {
    return new Mirror(store, `/${group}/${resource}/`, (_key, next, previous) => {
      for (const [value, by] of [
        [previous, -1],
        [next, 1],
      ] as const) {
        if (value === undefined) continue;
        const { metadata, spec } = value as JsonObject;
        const node = (spec as JsonObject | undefined)?.nodeName;
        const { name } = metadata as { readonly name: string };
        if (typeof node === 'string' && node !== '') this.#count(vertex(resource, '', name), node, by);
      }
    });
  }

  #countPod(pod: Json | undefined, by: number): void {
    if (pod === undefined) return;
    const node = nodeOfPod(pod as JsonObject);
    if (node === '') return;
    for (const one of podReferences(pod as JsonObject)) this.#count(one, node, by);
  }

  #count(of: string, node: string, by: number): void {
    const nodes = this.#nodes.get(of) ?? new Map<string, number>();
    const count = (nodes.get(node) ?? 0) + by;
    if (count > 0) nodes.set(node, count);
    else nodes.delete(node);
    if (nodes.size > 0) this.#nodes.set(of, nodes);
    else this.#nodes.delete(of);
  }

  #putVolume(volume: Json | undefined, add: boolean): void {
    if (volume === undefined) return;
    const { metadata, spec } = volume as JsonObject;
    const { name } = metadata as { readonly name: string };
    const claim = ((spec as JsonObject | undefined)?.claimRef ?? {}) as JsonObject;
    if (!add || !claim.name) this.#claimOfVolume.delete(name);
    else this.#claimOfVolume.set(name, vertex('persistentvolumeclaims', String(claim.namespace), String(claim.name)));
    for (const secret of volumeSecrets((spec ?? {}) as JsonObject)) {
      const volumes = this.#volumesOfSecret.get(secret) ?? new Set<string>();
      if (add) volumes.add(name);
      else volumes.delete(name);
      if (volumes.size > 0) this.#volumesOfSecret.set(secret, volumes);
      else this.#volumesOfSecret.delete(secret);
    }
  }
}
