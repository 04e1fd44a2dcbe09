import { deployments } from '../api/kinds/deployment.ts';
import type { IntOrString, Pod } from '../api/kinds/pod.ts';
import { replicaSets } from '../api/kinds/replica-set.ts';
import { replicationControllers } from '../api/kinds/replication-controller.ts';
import { statefulSets } from '../api/kinds/stateful-set.ts';
import { controllerOf, type KubeObject, type Owner } from '../api/object.ts';
import type { Cache } from '../machinery/cache.ts';
import type { Answer } from '../machinery/controller.ts';
import type { BudgetSpec } from './disruption-shape.ts';

/** A controller of pods and how many it is to have, or what it is if it has no such number. */
type Scaled = { readonly uid: string; readonly replicas: number } | { readonly error: string };

interface ScaleSources {
  readonly deployments: Cache;
  readonly replicaSets: Cache;
  readonly replicationControllers: Cache;
  readonly statefulSets: Cache;
}

/** By the uid of the owner: what was asked about its scale. */
export type ForeignScales = ReadonlyMap<string, Answer>;

/** Says how many pods a controller is to have. */
export class Scales {
  readonly #caches: ScaleSources;
  readonly #foreign: ForeignScales;

  constructor(caches: { readonly [key in keyof ScaleSources]: unknown }, foreign: ForeignScales = new Map()) {
    this.#caches = caches as ScaleSources;
    this.#foreign = foreign;
  }

  /** The same, and what is known of owners that no cache holds. */
  with(foreign: ForeignScales): Scales {
    return new Scales(this.#caches, foreign);
  }

  of(owner: Owner, namespace: string): Scaled | undefined {
    const key = { namespace, name: owner.name };
    const found = (cache: Cache): KubeObject | undefined => {
      const object = cache.get(key);
      return object?.metadata.uid === owner.uid ? object : undefined;
    };
    switch (`${owner.apiVersion} ${owner.kind}`) {
      case nameOf(replicaSets): {
        const set = found(this.#caches.replicaSets);
        const above = set && controllerOf(set);
        return above?.kind === deployments.kind ? this.of(above, namespace) : scaleOf(set);
      }
      case nameOf(deployments):
        return scaleOf(found(this.#caches.deployments));
      case nameOf(replicationControllers):
        return scaleOf(found(this.#caches.replicationControllers));
      case nameOf(statefulSets):
        return scaleOf(found(this.#caches.statefulSets));
      default: {
        const answer = this.#foreign.get(owner.uid);
        if (answer) return foreignScale(answer, owner);
        return { error: `${resourceOf(owner)} does not implement the scale subresource` };
      }
    }
  }
}

const nameOf = (kind: { readonly apiVersion: string; readonly kind: string }) => `${kind.apiVersion} ${kind.kind}`;

function scaleOf(object: KubeObject | undefined): Scaled | undefined {
  const spec = object?.spec as { readonly replicas?: number } | undefined;
  return object && { uid: object.metadata.uid, replicas: spec?.replicas ?? 1 };
}

/** Whether its number stands in an object of a kind that this controller keeps no cache of. */
export const isForeign = ({ apiVersion, kind }: Owner): boolean => {
  const own = [replicaSets, deployments, replicationControllers, statefulSets];
  return !own.some((one) => nameOf(one) === `${apiVersion} ${kind}`);
};

function foreignScale(answer: Answer, owner: Owner): Scaled | undefined {
  if ('error' in answer) return answer.error.reason === 'NotFound' ? undefined : { error: answer.error.message };
  const { metadata, spec } = answer.found as unknown as KubeObject<{ readonly replicas?: number }>;
  // Another one of the same name.
  if (metadata.uid !== owner.uid) return undefined;
  return { uid: owner.uid, replicas: spec?.replicas ?? 0 };
}

/** `jobs.batch` */
function resourceOf({ apiVersion, kind }: Owner): string {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : `.${apiVersion.slice(0, slash)}`;
  return `${kind.toLowerCase()}s${group}`;
}

export interface ExpectedPods {
  readonly count: number;
  readonly desiredHealthy: number;
  /** Some pods have no controller, and none was counted for them. */
  readonly unmanaged: boolean;
}

/** A plain number of pods needs no more than the pods; a share asks their controllers how many there are to be. */
export function expectedPods(
  { minAvailable, maxUnavailable }: BudgetSpec,
  pods: readonly Pod[],
  scales: Scales,
): ExpectedPods | { readonly error: string } {
  if (maxUnavailable === undefined && typeof minAvailable === 'number') {
    return { count: pods.length, desiredHealthy: minAvailable, unmanaged: false };
  }
  if (maxUnavailable === undefined && minAvailable === undefined) {
    return { count: 0, desiredHealthy: 0, unmanaged: false };
  }
  const scaled = new Map<string, number>();
  let unmanaged = false;
  for (const pod of pods) {
    const owner = controllerOf(pod);
    if (!owner) unmanaged = true;
    if (!owner || scaled.has(owner.uid)) continue;
    const found = scales.of(owner, pod.metadata.namespace ?? '');
    if (!found) return { error: `found no controllers for pod ${JSON.stringify(pod.metadata.name)}` };
    if ('error' in found) return found;
    scaled.set(found.uid, found.replicas);
  }
  const count = [...scaled.values()].reduce((sum, replicas) => sum + replicas, 0);
  const desiredHealthy =
    maxUnavailable === undefined ? share(minAvailable ?? 0, count) : Math.max(0, count - share(maxUnavailable, count));
  return { count, desiredHealthy, unmanaged };
}

function share(value: IntOrString, of: number): number {
  if (typeof value === 'number') return value;
  return value.endsWith('%') ? Math.ceil((Number(value.slice(0, -1)) * of) / 100) : Number(value);
}
