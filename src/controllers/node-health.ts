import type { Lease } from '../api/kinds/lease.ts';
import type { Node } from '../api/kinds/node.ts';
import { type Condition, conditionOf } from '../api/kinds/pod.ts';
import { type NodeLink, promisedFence } from '../api/node-link.ts';
import type { Instant, Millis } from '../base/env.ts';
import { parseTime, timestamp } from '../base/text.ts';
import type { Answer, Question } from '../machinery/controller.ts';
import type { Timing } from './timing.ts';

const leaseNamespace = 'kube-node-lease';
/** A node that had no link may have one by now. */
const linkAgainMs = 5_000;
const failedAgainMs = 1_000;
const askedAgainMs = 1;
/** The conditions that a silent node can no longer vouch for. */
const reported = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

interface Probe {
  readonly renewed: string;
  readonly beaten: string;
  /** When the last sign of life was seen, by our own clock: the clocks of nodes may differ. */
  readonly at: Instant;
  readonly isLinked: boolean;
  readonly askAt: Instant;
}
export interface Health {
  readonly isLinked: boolean;
  /** How much longer it counts as alive. */
  readonly left: Millis;
}

/** When each node was last heard of: on its link, or by its lease and its status. */
export class NodeHealth {
  readonly #timing: Timing;
  readonly #probes = new Map<string, Probe>();
  /** Whose link was asked about: the first answer is about it. */
  readonly #asked = new Set<string>();

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  forget(name: string): void {
    this.#probes.delete(name);
  }

  /** Its link, where it is time to ask; and before it is called silent its lease, which a cache may have missed. */
  wants(node: Node, lease: Lease | undefined, now: Instant): readonly Question[] {
    const { name } = node.metadata;
    const probe = this.#probes.get(name);
    const link = this.#timing.linkGraceMs !== undefined && (!probe || now >= probe.askAt);
    if (link) this.#asked.add(name);
    const late =
      probe && !link && conditionOf(node, 'Ready')?.status === 'True' && this.#left(probe, node, lease, now) <= 0;
    return [
      ...(link ? [{ path: linkPath(name) }] : []),
      ...(late ? [{ path: `/apis/coordination.k8s.io/v1/namespaces/${leaseNamespace}/leases/${name}` }] : []),
    ];
  }

  look(
    node: Node,
    lease: Lease | undefined,
    { now, answers }: { readonly now: Instant; readonly answers: readonly Answer[] },
  ): Health {
    const { name } = node.metadata;
    const ready = conditionOf(node, 'Ready');
    const first: Instant = ready ? now : parseTime(node.metadata.creationTimestamp);
    const before = this.#probes.get(name) ?? { renewed: '', beaten: '', at: first, isLinked: false, askAt: now };
    const seen = answers.flatMap((answer) =>
      'found' in answer ? [answer.found as { readonly spec?: Lease['spec'] }] : [],
    );
    const renewed = [before.renewed, lease?.spec?.renewTime ?? '', ...seen.map(({ spec }) => spec?.renewTime ?? '')];
    const newest = renewed.reduce((a, b) => (b > a ? b : a));
    const beaten = ready?.lastHeartbeatTime ?? '';
    const isNew = before.renewed !== '' || before.beaten !== '';
    const signed = isNew && (newest > before.renewed || beaten > before.beaten);
    const heard = { ...before, renewed: newest, beaten, at: signed ? now : before.at };
    const probe = this.#linked(heard, node, { now, answers });
    this.#probes.set(name, probe);
    const left = this.#left(probe, node, lease, now);
    // Its time may run out between what was asked for and this look: nobody is called silent without being asked.
    const unasked = left <= 0 && answers.length === 0 && ready?.status === 'True';
    return { isLinked: probe.isLinked, left: unasked ? askedAgainMs : left };
  }

  #linked(
    probe: Probe,
    node: Node,
    { now, answers }: { readonly now: Instant; readonly answers: readonly Answer[] },
  ): Probe {
    const grace = this.#timing.linkGraceMs;
    const asked = this.#asked.delete(node.metadata.name);
    const [answer] = answers;
    if (grace === undefined || !asked || !answer) return probe;
    if ('error' in answer) return { ...probe, askAt: (now + failedAgainMs) as Instant };
    const { heard, ageMs } = answer.found as unknown as NodeLink;
    // A server that has just started has heard nobody yet: those who had a link to the one before it are waited for.
    const isLinked = heard || promisedFence(node) !== undefined;
    if (!isLinked) return { ...probe, isLinked, askAt: (now + linkAgainMs) as Instant };
    const at = Math.max(probe.at, now - ageMs) as Instant;
    const silentAt = at + grace;
    const askAt = (silentAt > now ? silentAt : now + failedAgainMs) as Instant;
    return { ...probe, at, isLinked, askAt };
  }

  #left(probe: Probe, node: Node, lease: Lease | undefined, now: Instant): Millis {
    const { linkGraceMs = 0, nodeGraceMs, nodeStartupGraceMs } = this.#timing;
    const byLease = conditionOf(node, 'Ready') || lease ? nodeGraceMs : nodeStartupGraceMs;
    return probe.at + (probe.isLinked ? linkGraceMs : byLease) - now;
  }
}

export const linkPath = (node: string): string => `/mini-k8s/nodes/${encodeURIComponent(node)}/link`;

/** The conditions of a node that nobody has heard of for too long. */
export function silenced(node: Node, lease: Lease | undefined, now: Instant): readonly Condition[] {
  const before = node.status?.conditions ?? [];
  const never = conditionOf(node, 'Ready') === undefined && lease === undefined;
  const unknown = (type: string, old: Condition | undefined): Condition => ({
    type,
    status: 'Unknown',
    reason: never || !old ? 'NodeStatusNeverUpdated' : 'NodeStatusUnknown',
    message: never || !old ? 'Kubelet never posted node status.' : 'Kubelet stopped posting node status.',
    lastHeartbeatTime: old?.lastHeartbeatTime ?? node.metadata.creationTimestamp,
    lastTransitionTime: timestamp(now),
  });
  const others = before.filter(({ type }) => !reported.includes(type));
  const silent = reported.map((type) => {
    const old = before.find((condition) => condition.type === type);
    return old?.status === 'Unknown' ? old : unknown(type, old);
  });
  return [...others, ...silent];
}
