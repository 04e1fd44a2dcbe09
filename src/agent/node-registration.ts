import { ApiError, isApiError } from '../api/error.ts';
import { type Lease, leases } from '../api/kinds/lease.ts';
import {
  type Node,
  type NodeFeatures,
  type NodeStatus,
  nodeApiAuthority,
  nodeApiHost,
  nodes,
} from '../api/kinds/node.ts';
import { type Condition, conditionOf } from '../api/kinds/pod.ts';
import { fencedAfterNote, fencingPromise } from '../api/node-link.ts';
import type { Labels } from '../api/object.ts';
import { type Component, type Env, type Instant, type Millis, sleep } from '../base/env.ts';
import { equalJson, type Json } from '../base/json.ts';
import type { Stop } from '../base/stop.ts';
import { microTimestamp, timestamp } from '../base/text.ts';
import type { Client } from '../client/client.ts';

const leaseNamespace = 'kube-node-lease';
const leaseSeconds = 40;
const renewMs = 10_000;
const retryMs = 1_000;
/** So often the server hears that the node lives, which it keeps in memory. */
const pingMs = 1_000;
/** An answer that takes longer is not waited for before it is said again. */
const pingWithinMs = 500;
/** Sooner than usual after one that was lost: three seconds of silence have consequences. */
const pingAgainMs = 100;
/** After such a silence others may believe that the node is dead. */
const silenceMs = 2_500;
const statusMs = 300_000;
export const nodeVersion = 'v1.36.3';

export interface NodeApiPlace {
  /** Not always the node's address. */
  readonly host: string;
  readonly port: number;
  /** PEM: who signed its certificate. */
  readonly authority: string;
}

export interface NodeFacts {
  readonly name: string;
  readonly labels?: Labels;
  /** The addresses that its pods get. */
  readonly podRange?: string;
  readonly capacity: Labels;
  /** What pods may use of the capacity; all of it where nothing is said. */
  readonly allocatable?: Labels;
  readonly addresses: readonly { readonly type: string; readonly address: string }[];
  readonly os?: string;
  readonly architecture?: string;
  readonly runtimeVersion?: string;
  readonly nodeInfo?: Labels;
  /** What its runtime can do besides what every one can. */
  readonly features?: NodeFeatures;
  /** Where the node's own API is heard. */
  readonly api?: NodeApiPlace;
  /** After so long without the server, pods of which there must never be two have ended here. */
  readonly fencedAfterMs?: Millis;
  /** Told of each sign of life that was answered: when it was given. */
  readonly heard?: (askedAt: Millis) => void;
}

/**
 * Keeps the Node object and its Lease: registers, renews every 10 s, tells the status every 5 min or on change. Each
 * second it says on its link that it lives, so that its silence is noticed within seconds.
 */
export class NodeRegistration implements Component {
  readonly name: string;
  readonly #env: Env;
  readonly #client: Client;
  readonly #facts: NodeFacts;
  /** What the node runs short of, by condition. */
  #pressures: ReadonlySet<string> = new Set();
  /** The same as the server knows it. */
  #toldPressures: ReadonlySet<string> = new Set();
  #telling: Promise<void> = Promise.resolve();
  #lease: Lease | undefined;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(env: Env, client: Client, facts: NodeFacts) {
    this.#env = env;
    this.#client = client;
    this.#facts = facts;
    this.name = `node/${facts.name}`;
  }

  async run(stop: Stop): Promise<void> {
    const pinging = this.#ping(stop);
    while (!stop.stopped) {
      let delay = renewMs;
      try {
        await this.#beat();
      } catch (error) {
        if (!isApiError(error)) throw error;
        this.#env.log.debug('the node could not report', { node: this.#facts.name, error: error.message });
        delay = retryMs;
      }
      await sleep(this.#env.clock, delay, stop).catch(() => {});
    }
    await pinging;
  }

  /** Told at once where the server knows it otherwise. */
  async press(pressures: ReadonlySet<string>): Promise<void> {
    this.#pressures = pressures;
    if (!equalJson([...pressures].sort(), [...this.#toldPressures].sort())) await this.#tellStatus();
  }

  /** All agents of a process in the same moment: its nodes wake it once a second together, and not each by itself. */
  async #ping(stop: Stop): Promise<void> {
    const { clock } = this.#env;
    for (let heardAt = clock.monotonic(); !stop.stopped; ) {
      let pauseMs = pingMs - (clock.monotonic() % pingMs);
      if (pauseMs < pingAgainMs) pauseMs += pingMs;
      try {
        await this.#sayAlive(stop);
        // Back from a silence: whoever has declared the node dead is told better.
        if (clock.monotonic() - heardAt > silenceMs && (await this.#isDisputed())) await this.#tellStatus();
        heardAt = clock.monotonic();
      } catch (error) {
        // A server that knows no links judges the node by its lease.
        if (!isApiError(error)) throw error;
        if (!isApiError(error, 'NotFound', 'Forbidden')) pauseMs = pingAgainMs;
      }
      await sleep(clock, pauseMs, stop).catch(() => {});
    }
  }

  async #sayAlive(stop: Stop): Promise<void> {
    const { name, fencedAfterMs } = this.#facts;
    const askedAt = this.#env.clock.monotonic();
    let forget = () => {};
    const late = new Promise<never>((_resolve, reject) => {
      const isLate = () => reject(new ApiError('Timeout', 'the server did not answer in time'));
      const cancel = this.#env.clock.after(pingWithinMs, isLate);
      const leave = stop.onStop(isLate);
      // A ping each second, for as long as the node lives: none of them may leave anything behind.
      forget = () => {
        cancel();
        leave();
      };
    });
    late.catch(() => {});
    const path = `/mini-k8s/nodes/${encodeURIComponent(name)}/link`;
    const query = fencedAfterMs === undefined ? [] : [['fencedAfterMs', String(fencedAfterMs)] as const];
    const asked = this.#client.request({ method: 'PUT', path, query, body: { object: {} }, stop });
    // Late answers count too: from when they were asked for.
    const heard = asked.then(() => this.#facts.heard?.(askedAt));
    heard.catch(() => {});
    await Promise.race([heard, late]).finally(forget);
  }

  async #beat(): Promise<void> {
    const { clock } = this.#env;
    // After a gap others may have declared the node dead: it says that it lives.
    const silent = clock.monotonic() - this.#renewedAt > (leaseSeconds * 1000) / 2;
    const due = silent || clock.monotonic() - this.#toldAt >= statusMs;
    if (due || (await this.#isDisputed())) await this.#tellStatus();
    await this.#renew();
    this.#renewedAt = clock.monotonic();
  }

  /** Somebody whose view was old may have declared this node dead, though it never was silent. */
  async #isDisputed(): Promise<boolean> {
    const node = await this.#client.get(nodes, { namespace: '', name: this.#facts.name }).catch(absent);
    return node !== undefined && conditionOf(node, 'Ready')?.status !== 'True';
  }

  /** One at a time: two that both found no node would both make it, and the earlier status might be written last. */
  #tellStatus(): Promise<void> {
    const told = this.#telling.then(() => this.#tellStatusNow());
    this.#telling = told.catch(() => {});
    return told;
  }

  async #tellStatusNow(): Promise<void> {
    const { name } = this.#facts;
    const key = { namespace: '', name };
    const now = this.#env.clock.now();
    const annotations = nodeNotes(this.#facts);
    let node = await this.#client.get(nodes, key).catch(absent);
    node ??= await this.#client.send<Node>({
      verb: 'create',
      kind: nodes,
      object: { metadata: { name, labels: nodeLabels(this.#facts), annotations }, spec: rangeOf(this.#facts) },
    });
    const labels = missing(nodeLabels(this.#facts), node.metadata.labels ?? {});
    const before = node.metadata.annotations ?? {};
    const broken = before[fencedAfterNote] !== undefined && annotations[fencedAfterNote] === undefined;
    const notes = broken ? { ...annotations, [fencedAfterNote]: null } : missing(annotations, before);
    const metadata = { ...(labels ? { labels } : {}), ...(notes ? { annotations: notes } : {}) };
    if (labels || notes) await this.#client.send({ verb: 'patch', kind: nodes, key, patch: { metadata } });
    const spec = node.spec.podCIDR ? {} : rangeOf(this.#facts);
    if (spec.podCIDR) await this.#client.send({ verb: 'patch', kind: nodes, key, patch: { spec } });
    const pressures = this.#pressures;
    const status = nodeStatus(this.#facts, node, now, pressures) as unknown as Json;
    await this.#client.send({ verb: 'patch', kind: nodes, key, patch: { status }, subresource: 'status' });
    this.#toldPressures = pressures;
    this.#toldAt = this.#env.clock.monotonic();
  }

  async #renew(): Promise<void> {
    const { name } = this.#facts;
    const renewTime = microTimestamp(this.#env.clock.now());
    try {
      const before = this.#lease ?? (await this.#client.get(leases, { namespace: leaseNamespace, name }).catch(absent));
      const spec = { holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime };
      this.#lease = before
        ? await this.#client.send<Lease>({
            verb: 'update',
            kind: leases,
            object: { ...before, spec: { ...before.spec, ...spec } },
          })
        : await this.#client.send<Lease>({
            verb: 'create',
            kind: leases,
            object: { metadata: { name, namespace: leaseNamespace }, spec },
          });
    } catch (error) {
      this.#lease = undefined;
      throw error;
    }
  }
}

function nodeNotes({ api, fencedAfterMs, ...facts }: NodeFacts): Labels {
  return {
    ...(api ? { [nodeApiAuthority]: api.authority, [nodeApiHost]: api.host } : {}),
    ...(fencedAfterMs === undefined ? {} : fencingPromise(fencedAfterMs, runtimeVersionOf(facts))),
  };
}

const runtimeVersionOf = ({ runtimeVersion = 'mini-k8s://1.0.0' }: Pick<NodeFacts, 'runtimeVersion'>): string =>
  runtimeVersion;

const rangeOf = ({ podRange }: NodeFacts): { readonly podCIDR?: string; readonly podCIDRs?: readonly string[] } =>
  podRange === undefined ? {} : { podCIDR: podRange, podCIDRs: [podRange] };

export function nodeLabels(facts: NodeFacts): Labels {
  const os = facts.os ?? 'linux';
  const arch = facts.architecture ?? 'amd64';
  return {
    'beta.kubernetes.io/arch': arch,
    'beta.kubernetes.io/os': os,
    'kubernetes.io/arch': arch,
    'kubernetes.io/hostname': facts.name,
    'kubernetes.io/os': os,
    ...facts.labels,
  };
}

/** Amounts and conditions that others keep on the node stay as they are. */
export function nodeStatus(
  facts: NodeFacts,
  node: Node,
  now: Instant,
  pressures: ReadonlySet<string> = new Set(),
): NodeStatus {
  const before = node.status ?? {};
  return {
    capacity: { ...before.capacity, ...facts.capacity },
    allocatable: { ...before.allocatable, ...(facts.allocatable ?? facts.capacity) },
    conditions: nodeConditions(before.conditions ?? [], now, pressures),
    addresses: facts.addresses,
    ...(facts.features ? { features: facts.features } : {}),
    daemonEndpoints: facts.api
      ? { kubeletEndpoint: { Port: facts.api.port } }
      : (before.daemonEndpoints ?? { kubeletEndpoint: { Port: 10250 } }),
    nodeInfo: {
      architecture: facts.architecture ?? 'amd64',
      bootID: '',
      containerRuntimeVersion: runtimeVersionOf(facts),
      kernelVersion: '',
      kubeProxyVersion: '',
      kubeletVersion: nodeVersion,
      machineID: '',
      operatingSystem: facts.os ?? 'linux',
      osImage: 'mini-k8s',
      systemUUID: '',
      ...facts.nodeInfo,
    },
  };
}

type Told = readonly [type: string, status: string, reason: string, message: string];
const pressed: readonly Told[] = [
  ['MemoryPressure', 'True', 'KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
  ['DiskPressure', 'True', 'KubeletHasDiskPressure', 'kubelet has disk pressure'],
  ['PIDPressure', 'True', 'KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
];
const healthy: readonly Told[] = [
  ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
];

function nodeConditions(
  before: readonly Condition[],
  now: Instant,
  pressures: ReadonlySet<string>,
): readonly Condition[] {
  const told = healthy.map((well) => (pressures.has(well[0]) && pressed.find(([type]) => type === well[0])) || well);
  const own = told.map(([type, status, reason, message]): Condition => {
    const old = before.find((condition) => condition.type === type);
    const since = old?.status === status ? old.lastTransitionTime : undefined;
    const lastTransitionTime = since ?? timestamp(now);
    return { type, status, lastHeartbeatTime: timestamp(now), lastTransitionTime, reason, message };
  });
  return [...before.filter(({ type }) => !healthy.some(([known]) => known === type)), ...own];
}

function missing(wanted: Labels, present: Labels): Labels | undefined {
  const lacking = Object.fromEntries(Object.entries(wanted).filter(([key, value]) => present[key] !== value));
  return equalJson(lacking, {}) ? undefined : lacking;
}

function absent(error: unknown): undefined {
  if (!isApiError(error, 'NotFound')) throw error;
  return undefined;
}
