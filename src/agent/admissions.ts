import { isApiError } from '../api/error.ts';
import { type Node, nodes } from '../api/kinds/node.ts';
import { isFinished, type Pod } from '../api/kinds/pod.ts';
import type { Labels } from '../api/object.ts';
import type { Client } from '../client/client.ts';
import { type Place, preempted, type Refusal, refusalOf } from './admission.ts';
import { isStatic } from './critical-pods.ts';
import type { Runtime } from './runtime.ts';

export interface AdmissionParts extends Pick<Place, 'os' | 'allocatable' | 'unsafeSysctls'> {
  readonly client: Client;
  readonly node: string;
  readonly labels: Labels;
  pressures(): ReadonlySet<string>;
  pods(): readonly Pod[];
  /** Ends pods for good, so that one can be taken that the node cannot be without. */
  preempt(victims: readonly Pod[]): void;
}
/** What becomes of a pod: it is refused, or taken once there is room. */
export type Verdict = Refusal | 'later' | undefined;

/** Takes the pods that a node is given, or refuses them: each is judged once, before anything of it is made. */
export class Admissions {
  readonly #parts: AdmissionParts;
  /** By uid. */
  readonly #taken = new Set<string>();
  readonly #refused = new Map<string, Refusal>();

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /** Why the pod may not begin; nothing where it may, or where it has begun already, in this life of the agent or before. */
  async judge(pod: Pod, isThere: boolean, runtime: Runtime): Promise<Verdict> {
    const { uid, deletionTimestamp } = pod.metadata;
    if (this.#taken.has(uid) || isFinished(pod) || deletionTimestamp) return undefined;
    const known = this.#refused.get(uid);
    if (known) return known;
    if (isThere || hasBegun(pod)) {
      this.#taken.add(uid);
      return undefined;
    }
    const node = await this.#node(pod);
    // Judged and taken in one step: of two pods that want the same the second must see the first.
    const place = { ...this.#place(uid, runtime), node };
    const refusal = this.#refused.get(uid) ?? refusalOf(pod, place);
    const victims = refusal && preempted(pod, place);
    if (victims) {
      this.#parts.preempt(victims);
      return 'later';
    }
    if (refusal) this.#refused.set(uid, refusal);
    else this.#taken.add(uid);
    return refusal;
  }

  forget(uid: string): void {
    this.#taken.delete(uid);
    this.#refused.delete(uid);
  }

  /** The node's own pods run where no server answers, too: then the node is what it says of itself. */
  async #node(pod: Pod): Promise<Node> {
    const { client, node: name, labels } = this.#parts;
    try {
      return await client.get(nodes, { namespace: '', name });
    } catch (error) {
      if (!isStatic(pod) && !isApiError(error, 'NotFound')) throw error;
      const metadata = { name, namespace: '', uid: '', resourceVersion: '', creationTimestamp: '', labels };
      return { apiVersion: 'v1', kind: 'Node', metadata, spec: {} };
    }
  }

  #place(uid: string, { holdsToProfiles, leavesOutGroups }: Runtime): Omit<Place, 'node'> {
    const { os, allocatable, unsafeSysctls, pressures, pods } = this.#parts;
    const isHere = (other: Pod) => this.#taken.has(other.metadata.uid) || hasBegun(other);
    const others = pods().filter((other) => other.metadata.uid !== uid && !isFinished(other) && isHere(other));
    return {
      os,
      allocatable,
      unsafeSysctls,
      pressures: pressures(),
      others,
      appArmor: holdsToProfiles ?? false,
      strictGroups: leavesOutGroups ?? false,
    };
  }
}

const hasBegun = ({ status }: Pod): boolean => status?.startTime !== undefined;
