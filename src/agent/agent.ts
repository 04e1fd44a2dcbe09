import { ApiError, isApiError } from '../api/error.ts';
import type { EndpointSlice } from '../api/kinds/endpoint-slice.ts';
import { isFinished, type Pod, pods } from '../api/kinds/pod.ts';
import type { Service } from '../api/kinds/service.ts';
import { type Key, keyText } from '../api/object.ts';
import type { Duplex } from '../api/wire.ts';
import { type Component, type Env, Stopped, sleep } from '../base/env.ts';
import { type Stop, StopSource } from '../base/stop.ts';
import type { Client } from '../client/client.ts';
import { nodeSpeaker } from '../client/speakers.ts';
import { Cache } from '../machinery/cache.ts';
import type { EventRecorder } from '../machinery/events.ts';
import { WorkQueue } from '../machinery/queue.ts';
import { Admissions } from './admissions.ts';
import { outputOf, runningId } from './attachment.ts';
import { Departure } from './departure.ts';
import type { EvictionSettings } from './eviction-settings.ts';
import { Fence, type FenceParts, fencedAfterMs, type Guarded, isGuarded } from './fence.ts';
import { AgentFleet } from './fleet.ts';
import { ImageCollector } from './image-collector.ts';
import { KeptVolumes } from './kept-volumes.ts';
import { containerName, podLogs } from './logs.ts';
import type { ExecCall, MachineFigures, NodeDoor, PodLogOptions } from './node-door.ts';
import { NodePressure, type NodeSignals } from './node-pressure.ts';
import { type NodeFacts, NodeRegistration, nodeLabels } from './node-registration.ts';
import { ObjectWatch } from './object-watch.ts';
import type { DnsSetting } from './pod-dns.ts';
import { type Ending, parseContainerId } from './pod-view.ts';
import { nothingOfIt, PodWork, type PodWorkParts, signature } from './pod-work.ts';
import { Probes, type Secure } from './probes.ts';
import type { ExecIo, ExecPart, Runtime, RuntimeList, Usage } from './runtime.ts';
import { RuntimeChoice, type Runtimes } from './runtime-choice.ts';
import type { SysctlNames } from './safe-sysctls.ts';
import { isMirror, type ManifestFolder, StaticPods, sameName } from './static-pods.ts';
import type { VolumeHost } from './volumes.ts';

const resyncMs = 10_000;
/** Until then who makes room for a pod may have ended. */
const roomAgainMs = 250;
const preemption: Ending = {
  reason: 'Preempting',
  message: 'Preempted in order to admit critical pod',
  disruption: 'Pod was preempted by Kubelet to accommodate a critical pod.',
  graceMs: 0,
};
const retryMinMs = 50;
const retryMaxMs = 10_000;

export interface AgentOptions extends Omit<NodeFacts, 'name'> {
  readonly node: string;
  /** Shared by all agents of this process; without it the agent watches its own pods. */
  readonly fleet?: AgentFleet;
  readonly services?: Cache<Service>;
  /** With them, a pod is asked to end only when no Service sends anybody to it any more. */
  readonly slices?: Cache<EndpointSlice>;
  readonly events?: EventRecorder;
  /** Without it pods find the names that their machine finds. */
  readonly dns?: DnsSetting;
  readonly volumes?: VolumeHost;
  readonly secure?: Secure;
  /** Without them nobody watches what the node has left. */
  readonly pressure?: { readonly signals: NodeSignals; readonly settings: EvictionSettings };
  /** Pods of its own, whatever the cluster says. */
  readonly manifests?: ManifestFolder;
  /** What pods may set besides what harms nobody. */
  readonly unsafeSysctls?: SysctlNames;
  /** Pods looked at at once. */
  readonly workers?: number;
  /** Pods of which there must never be two end when the server cannot be reached. */
  readonly fences?: boolean;
  /** Its containers only pretend to run: they answer no probe and need nothing of what their pods name. */
  readonly pretends?: boolean;
}

/** Keeps one node: its object and lease, and its pods as the cluster wants them. */
export class Agent implements Component, NodeDoor {
  readonly name: string;
  readonly #env: Env;
  readonly #runtimes: RuntimeChoice;
  readonly #options: AgentOptions;
  readonly #fleet: AgentFleet;
  readonly #queue: WorkQueue;
  readonly #registration: NodeRegistration;
  readonly #fence: Fence | undefined;
  readonly #probes: Probes;
  readonly #parts: PodWorkParts;
  readonly #objects: ObjectWatch;
  readonly #kept: KeptVolumes | undefined;
  readonly #pressure: NodePressure | undefined;
  /** Where containers only pretend, every pod fits. */
  readonly #admissions: Admissions | undefined;
  /** What the node runs short of. */
  #pressures: ReadonlySet<string> = new Set();
  readonly #staticPods: StaticPods | undefined;
  /** By uid, from the node's folder. */
  #statics: ReadonlyMap<string, Pod> = new Map();
  /** By uid, as are all maps and queue keys here: a new pod of an old name is another pod. */
  readonly #wanted = new Map<string, Pod>();
  readonly #works = new Map<string, PodWork>();
  readonly #running = new Set<string>();
  readonly #failures = new Map<string, number>();
  /** What each runtime said when everything was as wanted. */
  readonly #alike = new Map<Runtime, RuntimeList>();
  readonly #listing = new Map<Runtime, Promise<RuntimeList>>();

  constructor(env: Env, given: Client, runtimes: Runtimes, options: AgentOptions) {
    const client = given.as('kubelet', nodeSpeaker(options.node));
    this.name = `agent/${options.node}`;
    this.#env = env;
    this.#runtimes = new RuntimeChoice(client, runtimes);
    this.#options = options;
    const own = () => new AgentFleet(new Cache(env, client, pods, { fields: `spec.nodeName=${options.node}` }));
    this.#fleet = options.fleet ?? own();
    this.#queue = new WorkQueue(env.clock);
    this.#fence = options.fences ? new Fence({ env, client, ...this.#guarding() }) : undefined;
    this.#registration = new NodeRegistration(env, client, { ...options, name: options.node, ...this.#fenceFacts() });
    this.#probes = new Probes(env.clock, (outcome) => {
      const { uid } = parseContainerId(outcome.id);
      this.#works.get(uid)?.judge(outcome, this.#current(uid));
      this.#queue.add(uid);
    });
    this.#objects = new ObjectWatch(env, client);
    // A volume outlives the pods that make it a node's business: whoever started the agent clears it.
    this.#kept = options.volumes?.keptNames && new KeptVolumes(env, given.as('kubelet'), options.volumes);
    this.#pressure = options.pressure && this.#pressureOf(options.pressure);
    this.#admissions = options.pretends ? undefined : this.#admissionsOf(client);
    this.#staticPods = options.manifests && this.#staticPodsOf(options.manifests, client);
    const internal = options.addresses.filter(({ type }) => type === 'InternalIP');
    this.#parts = {
      env,
      client,
      probes: this.#probes,
      ...(options.dns ? { dns: options.dns } : {}),
      ...(options.volumes ? { volumes: { host: options.volumes, objects: this.#objects } } : {}),
      ...(options.slices ? { departure: new Departure(env.clock, options.slices) } : {}),
      hostIps: internal.map(({ address }) => address),
      wanted: (uid) => this.#current(uid),
      apiUid: (uid) => {
        const own = this.#statics.get(uid);
        return own ? this.#mirrorOf(own)?.metadata.uid : uid;
      },
      pretends: options.pretends ?? false,
      ...(this.#fence ? { permit: (pod, runtime) => this.#permit(pod, runtime) } : {}),
      ...(options.secure ? { secure: options.secure } : {}),
      room: (pod) => ({
        allocatable: options.allocatable ?? options.capacity,
        others: this.pods().filter((other) => other.metadata.uid !== pod.metadata.uid && !isFinished(other)),
      }),
      setting: () => ({
        allocatable: options.allocatable ?? options.capacity,
        services: options.services?.list() ?? [],
      }),
      again: (uid) => this.#queue.add(uid),
      tell: (about, type, reason, message) => options.events?.record({ verb: 'event', about, type, reason, message }),
    };
  }

  async run(stop: Stop): Promise<void> {
    // One part that breaks ends all of them, so that whoever runs the agent can start it again.
    const inner = StopSource.under(stop);
    const leave = this.#fleet.join(this.#options.node, (now, before) => this.#changed(now, before));
    const parts = [
      ...(this.#options.fleet ? [] : [this.#fleet.cache.run(inner)]),
      this.#registration.run(inner),
      this.#resync(inner),
      ...(this.#kept ? [this.#kept.run(inner)] : []),
      ...(this.#pressure ? [this.#pressure.run(inner)] : []),
      ...(this.#staticPods ? [this.#staticPods.run(inner)] : []),
      ...this.#runtimes.all().map((runtime) => this.#listen(runtime, inner)),
      ...Array.from({ length: this.#options.workers ?? 8 }, () => this.#work(inner)),
    ];
    try {
      await Promise.all(
        parts.map((part) =>
          part.catch((error: unknown) => {
            if (!(error instanceof Stopped)) throw error;
          }),
        ),
      );
    } finally {
      inner.stop();
      leave();
      this.#probes.end();
      this.#objects.end();
      this.#fence?.end();
    }
  }

  async logs(pod: Key, container: string | undefined, options: PodLogOptions, stop: Stop) {
    const { found, runtime } = await this.#find(pod);
    return podLogs(runtime, { pod: found, container, options }, stop);
  }

  async exec(pod: Key, call: ExecCall, io: ExecIo, stop: Stop): Promise<AsyncIterable<ExecPart>> {
    const { found, runtime } = await this.#find(pod);
    const name = containerName(found, call.container);
    return runtime.exec(await runningId(runtime, found, name), call.command, io, stop);
  }

  async attach(pod: Key, container: string | undefined, io: ExecIo, stop: Stop): Promise<AsyncIterable<ExecPart>> {
    const { found, runtime } = await this.#find(pod);
    const id = await runningId(runtime, found, containerName(found, container));
    return runtime.attach?.(id, io, stop) ?? outputOf(runtime, id, this.#env.clock.now(), stop);
  }

  pod(uid: string): Pod | undefined {
    return this.#current(uid);
  }

  pods(): readonly Pod[] {
    return [...this.#wanted.keys()].flatMap((uid) => this.#current(uid) ?? []);
  }

  async usage(): Promise<readonly Usage[]> {
    return (await Promise.all(this.#runtimes.all().map((runtime) => runtime.usage()))).flat();
  }

  async machine(): Promise<MachineFigures | undefined> {
    const signals = this.#options.pressure?.signals;
    const cpuNanosTotal = await signals?.cpuNanos();
    if (!signals || cpuNanosTotal === undefined) return undefined;
    return { cpus: Number(this.#options.capacity['cpu']), cpuNanosTotal, signals: await signals.read() };
  }

  async connect(pod: Key, port: number): Promise<Duplex> {
    const { found, runtime } = await this.#find(pod);
    return runtime.connect(found.metadata.uid, port);
  }

  #pressureOf({ signals, settings }: NonNullable<AgentOptions['pressure']>): NodePressure {
    const { volumes, node } = this.#options;
    return new NodePressure({
      env: this.#env,
      node,
      signals,
      settings,
      ...(volumes ? { volumes } : {}),
      images: new ImageCollector(this.#env.clock, this.#runtimes.all()),
      pods: () => this.pods(),
      usage: () => this.usage(),
      evict: ({ pod, message }, graceMs) => this.#sendAway(pod, { reason: 'Evicted', message, graceMs }),
      told: (conditions) => {
        this.#pressures = conditions;
        this.#registration.press(conditions).catch((error: unknown) => {
          this.#env.log.debug('the node could not tell what it runs short of', { node, error: String(error) });
        });
      },
    });
  }

  #admissionsOf(client: Client): Admissions {
    const { node, os = 'linux', allocatable, capacity, unsafeSysctls = [] } = this.#options;
    return new Admissions({
      client,
      node,
      labels: nodeLabels({ ...this.#options, name: node }),
      os,
      allocatable: allocatable ?? capacity,
      unsafeSysctls,
      pressures: () => this.#pressures,
      pods: () => this.pods(),
      preempt: (victims) => {
        for (const victim of victims) this.#sendAway(victim, preemption);
      },
    });
  }

  #sendAway(pod: Pod, ending: Ending): void {
    if (!this.#works.get(pod.metadata.uid)?.evict(ending)) return;
    const { reason, message } = ending;
    this.#options.events?.record({ verb: 'event', about: pod, type: 'Warning', reason, message });
  }

  async #find(key: Key): Promise<{ readonly found: Pod; readonly runtime: Runtime }> {
    const found = this.#fleet.cache.get(key);
    if (found?.spec.nodeName !== this.#options.node)
      throw new ApiError('NotFound', `pod ${keyText(key)} is not on this node`);
    const own = [...this.#statics.keys()].map((uid) => this.#current(uid)).find((pod) => pod && sameName(pod, found));
    return { found: own ?? found, runtime: await this.#runtimes.of(found) };
  }

  #staticPodsOf(folder: ManifestFolder, client: Client): StaticPods {
    return new StaticPods({
      env: this.#env,
      client,
      node: this.#options.node,
      folder,
      mirror: (pod) => this.#mirrorOf(pod),
      mirrors: () => this.#fleet.cache.by('node', this.#options.node).filter(isMirror),
      wanted: (now) => {
        for (const uid of this.#statics.keys()) if (!now.has(uid)) this.#forget(uid);
        this.#statics = now;
        for (const [uid, pod] of now) {
          this.#wanted.set(uid, pod);
          this.#queue.add(uid);
        }
      },
    });
  }

  #forget(uid: string): void {
    this.#wanted.delete(uid);
    this.#queue.add(uid);
  }

  /** What the cluster shows of one of the node's own pods. */
  #mirrorOf({ metadata: { namespace = '', name } }: Pod): Pod | undefined {
    const found = this.#fleet.cache.get({ namespace, name });
    return found && isMirror(found) ? found : undefined;
  }

  /** The newest that is known of a pod. One of the node's own is as its file says, and in the state that was told. */
  #current(uid: string): Pod | undefined {
    const own = this.#statics.get(uid);
    if (!own) return this.#wanted.get(uid);
    const mirror = this.#mirrorOf(own);
    if (!mirror) return own;
    const { resourceVersion } = mirror.metadata;
    return {
      ...own,
      metadata: { ...own.metadata, resourceVersion },
      ...(mirror.status ? { status: mirror.status } : {}),
    };
  }

  #changed(now: Pod | undefined, before: Pod | undefined): void {
    this.#alike.clear();
    const mirrored = [now, before].find((pod) => pod && isMirror(pod));
    if (mirrored && this.#staticPods) {
      for (const [uid, own] of this.#statics) if (own.metadata.name === mirrored.metadata.name) this.#queue.add(uid);
      return;
    }
    if (before && before.metadata.uid !== now?.metadata.uid) {
      this.#wanted.delete(before.metadata.uid);
      this.#queue.add(before.metadata.uid);
    }
    if (!now) return;
    this.#wanted.set(now.metadata.uid, now);
    this.#queue.add(now.metadata.uid);
  }

  /** What the runtime says from now on: those who ask in the same moment share one answer. */
  #list(runtime: Runtime): Promise<RuntimeList> {
    const pending = this.#listing.get(runtime);
    if (pending) return pending;
    const next = Promise.resolve().then(() => {
      this.#listing.delete(runtime);
      return runtime.list();
    });
    this.#listing.set(runtime, next);
    return next;
  }

  #listOf(runtime: Runtime, uid: string): Promise<RuntimeList> {
    return runtime.listOf?.(uid) ?? this.#list(runtime);
  }

  async #listen(runtime: Runtime, stop: Stop): Promise<void> {
    while (!stop.stopped) {
      try {
        for await (const { id } of runtime.events(stop)) this.#queue.add(uidOf(id));
      } catch (error) {
        if (stop.stopped || error instanceof Stopped) return;
        this.#env.log.error('the runtime ended its events', { runtime: runtime.name, error: String(error) });
      }
      await sleep(this.#env.clock, retryMaxMs, stop).catch(() => {});
    }
  }

  /** Events are only hints: what they missed is found here, and so is what nobody wants any more. */
  async #resync(stop: Stop): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#fleet.whenSynced(() => (this.#staticPods ? this.#staticPods.whenReady(resolve) : resolve()));
      stop.onStop(resolve);
    });
    while (!stop.stopped) {
      try {
        for (const runtime of this.#runtimes.all()) this.#compare(runtime, await this.#list(runtime));
      } catch (error) {
        this.#env.log.error('the runtime could not be listed', { node: this.#options.node, error: String(error) });
      }
      await sleep(this.#env.clock, resyncMs, stop).catch(() => {});
    }
  }

  #compare(runtime: Runtime, list: RuntimeList): void {
    // The very same answer again, and no pod has changed.
    if (this.#alike.get(runtime) === list) return;
    let isAlike = true;
    const there = new Set([...list.sandboxes.map(({ id }) => id), ...list.containers.map(({ sandbox }) => sandbox)]);
    for (const uid of there) {
      if (this.#wanted.has(uid)) continue;
      isAlike = false;
      this.#queue.add(uid);
    }
    for (const [uid, pod] of this.#wanted) {
      const work = this.#works.get(uid);
      if (work && work.runtime !== runtime && this.#runtimes.has(work.runtime)) continue;
      const known = work && !pod.metadata.deletionTimestamp && work.seen === signature(list, uid);
      if (known) continue;
      isAlike = false;
      this.#queue.add(uid);
    }
    if (isAlike) this.#alike.set(runtime, list);
  }

  async #work(stop: Stop): Promise<void> {
    for (;;) {
      const uid = await this.#queue.take(stop);
      if (uid === undefined) return;
      try {
        await this.#look(uid);
        this.#failures.delete(uid);
      } catch (error) {
        const failures = (this.#failures.get(uid) ?? 0) + 1;
        this.#failures.set(uid, failures);
        const level = isApiError(error) ? 'debug' : 'error';
        this.#env.log[level]('a pod is tried again', { node: this.#options.node, uid, failures, error: String(error) });
        this.#queue.addAfter(uid, Math.min(retryMinMs * 2 ** (failures - 1), retryMaxMs));
      } finally {
        this.#queue.done(uid);
      }
    }
  }

  async #look(uid: string): Promise<void> {
    const pod = this.#current(uid);
    if (!pod) return this.#cleanUp(uid);
    const work = await this.#workOf(uid, pod);
    const list = await this.#listOf(work.runtime, uid);
    if (this.#fence?.isShut && isGuarded(pod)) return work.fence(list);
    const isThere = signature(list, uid) !== nothingOfIt;
    const verdict = await this.#admissions?.judge(this.#current(uid) ?? pod, isThere, work.runtime);
    // The cache may have moved on while the runtime and the server answered.
    const now = this.#current(uid) ?? pod;
    if (verdict === 'later') return this.#queue.addAfter(uid, roomAgainMs);
    if (verdict) return work.refuse(now, verdict);
    const again = await work.look(now, list);
    this.#count(uid, work.runs);
    if (again !== undefined) this.#queue.addAfter(uid, again);
  }

  #count(uid: string, runs: boolean): void {
    const before = this.#running.size;
    if (runs) this.#running.add(uid);
    else this.#running.delete(uid);
    const { size } = this.#running;
    if (size !== before) this.#env.metrics.gauge('kubelet_running_pods', size, { node: this.#options.node });
  }

  #guarding(): Pick<FenceParts, 'guarded' | 'again'> {
    const guarded = (): readonly Guarded[] =>
      [...this.#wanted].flatMap(([uid, pod]) => {
        const work = isGuarded(pod) ? this.#works.get(uid) : undefined;
        return work ? [{ pod, runtime: work.runtime }] : [];
      });
    return { guarded, again: (uid) => this.#queue.add(uid) };
  }

  /** Only where every engine ends its pods by itself may the server count on it: an agent can die. */
  #fenceFacts(): Pick<NodeFacts, 'fencedAfterMs' | 'heard'> {
    const fence = this.#fence;
    if (!fence) return {};
    const isSure = this.#runtimes.all().every((runtime) => runtime.holdFor);
    return { heard: (askedAt) => fence.heard(askedAt), ...(isSure ? { fencedAfterMs } : {}) };
  }

  async #permit(pod: Pod, runtime: Runtime): Promise<void> {
    if (isGuarded(pod)) await this.#fence?.permit(pod, runtime);
  }

  async #workOf(uid: string, pod: Pod): Promise<PodWork> {
    const known = this.#works.get(uid);
    if (known && this.#runtimes.has(known.runtime)) return known;
    // A runtime that could not be had may be there by now: nothing of the pod runs yet.
    const runtime = await this.#runtimes.of(pod);
    if (known && (!this.#runtimes.has(runtime) || !known.idle)) return known;
    const work = new PodWork(this.#parts, uid, runtime);
    this.#works.set(uid, work);
    return work;
  }

  async #cleanUp(uid: string): Promise<void> {
    // Before the cache is complete, a pod it does not have is not known to be gone.
    if (!this.#fleet.cache.synced || this.#staticPods?.ready === false) return;
    for (const runtime of this.#works.has(uid) ? [this.#works.get(uid)?.runtime as Runtime] : this.#runtimes.all()) {
      const list = await this.#listOf(runtime, uid);
      const known = this.#works.get(uid);
      if (!known && signature(list, uid) === nothingOfIt) continue;
      const work = known ?? new PodWork(this.#parts, uid, runtime);
      this.#works.set(uid, work);
      if (await work.cleanUp(list)) this.#works.delete(uid);
      this.#admissions?.forget(uid);
      this.#count(uid, false);
    }
  }
}

const uidOf = (id: string): string => (id.includes('_') ? parseContainerId(id).uid : id);
