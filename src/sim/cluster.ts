import { Agent } from '../agent/agent.ts';
import { NodeApi } from '../agent/node-api.ts';
import type { Runtime } from '../agent/runtime.ts';
import { ApiError } from '../api/error.ts';
import { builtInKinds } from '../api/kinds/all.ts';
import { services } from '../api/kinds/service.ts';
import type { Labels } from '../api/object.ts';
import type { Caller, Transport } from '../api/wire.ts';
import { type Component, type Env, type Log, type Millis, type Random, Stopped } from '../base/env.ts';
import { Fingerprint } from '../base/hash.ts';
import { canonicalJson } from '../base/json.ts';
import { seeded } from '../base/random.ts';
import { never } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import { controllerManager, nodeSpeaker, scheduler } from '../client/speakers.ts';
import { allControllers } from '../controllers/all.ts';
import { type Timing, timings } from '../controllers/timing.ts';
import { bootstrap } from '../machinery/bootstrap.ts';
import { Cache } from '../machinery/cache.ts';
import { Caches } from '../machinery/caches.ts';
import { EventRecorder } from '../machinery/events.ts';
import { Leader } from '../machinery/leader.ts';
import { schedulerLoop } from '../scheduler/parts.ts';
import { PartRights } from '../server/auth/part-rights.ts';
import { ResourceMetrics } from '../server/resource-metrics/resource-metrics.ts';
import { ApiServer } from '../server/server.ts';
import { firstRevision } from '../store/core.ts';
import type { Change } from '../store/store.ts';
import { BootstrapRights } from './bootstrap-rights.ts';
import type { CheckedWorld, Checker } from './checker.ts';
import { standardCheckers } from './checkers.ts';
import { type Drain, SimClock } from './clock.ts';
import { simEnv } from './env.ts';
import { calmNet, type NetOptions, SimNet } from './net.ts';
import { SimProcess } from './process.ts';
import { SimRuntime, type SimRuntimeOptions } from './runtime.ts';
import { SimStore } from './store.ts';

export interface PartSetting {
  readonly env: Env;
  readonly client: Client;
  readonly caches: Caches;
  readonly timing: Timing;
  readonly rebalance: boolean;
}
/** What runs on a host: production's own parts, unless a planted bug takes their place. */
export interface PartChoice {
  controllers(setting: PartSetting): readonly Component[];
  scheduler(setting: PartSetting): readonly Component[];
  /** The engine as the agent sees it, `start` counting the agent's lives. */
  engine(runtime: SimRuntime, start: number): Runtime;
}
export interface SimOptions {
  readonly seed: string;
  readonly drain: Drain;
  readonly nodes?: number;
  readonly net?: Partial<NetOptions>;
  readonly runtime?: SimRuntimeOptions;
  readonly timing?: Timing;
  readonly parts?: Partial<PartChoice>;
  readonly capacity?: Labels;
  /** Pods are moved to nodes that come. */
  readonly rebalance?: boolean;
  /** So many processes of controllers, of which one leads. Without it there is one, and no lease. */
  readonly leaders?: number;
  /** The server tells what nodes and pods use. */
  readonly metrics?: boolean;
}

export const production: PartChoice = {
  controllers: (setting) => allControllers(setting),
  scheduler: ({ env, client, caches }) => [schedulerLoop(env, client, caches)],
  engine: (runtime) => runtime,
};

const unlessStopped = (error: unknown): void => {
  if (!(error instanceof Stopped)) throw error;
};
const unreachable: Transport = () => Promise.reject(new ApiError('ServiceUnavailable', 'the node does not answer'));
const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const serviceRange = '10.96.0.0/16';
const apiServiceIp = '10.96.0.1';
const defaultCapacity: Labels = { cpu: '4', memory: '8Gi', pods: '110' };

/** A whole cluster on one thread in virtual time. Every class it starts, outside sim/, is the one production starts. */
export class SimCluster implements CheckedWorld {
  readonly clock = new SimClock();
  readonly store: SimStore;
  readonly net: SimNet;
  /** A user beside the server: no network between. */
  readonly admin: Client;
  readonly checkers: readonly Checker[];
  readonly runtimes = new Map<string, SimRuntime>();
  readonly restartedAt = new Map<string, Millis>();
  commits = 0;
  readonly #options: SimOptions;
  readonly #random: Random;
  readonly #rights = new BootstrapRights();
  readonly #parts: PartChoice;
  readonly #fingerprint = new Fingerprint();
  readonly #processes = new Map<string, SimProcess>();
  readonly #starts = new Map<string, number>();
  readonly #addresses = new Map<string, number>();
  readonly #doors = new Map<string, Transport>();
  #bug: unknown;

  constructor(options: SimOptions) {
    this.#options = options;
    this.#random = seeded(options.seed);
    this.#parts = { ...production, ...options.parts };
    this.store = new SimStore(this.clock, this.#random.fork('disk'));
    this.net = new SimNet(this.clock, this.#random.fork('net'), { ...calmNet, ...options.net });
    this.checkers = standardCheckers(this);
    this.net.tap = (request) => {
      const taps = this.checkers.flatMap((checker) => checker.tap?.(request) ?? []);
      return (event) =>
        this.#guard(() => {
          for (const tap of taps) tap(event);
        });
    };
    this.store.watch('/', firstRevision, { take: (batch) => this.#observe(batch), closed: () => {} }, never);
    this.admin = new Client((request) => {
      if (!this.net.server) throw new Error('the server is down: start it before you ask');
      return this.net.server(request);
    }, admin);
  }

  get fingerprint(): string {
    return this.#fingerprint.toString();
  }

  /** Everything, in the order in which it starts for real. */
  async start(): Promise<void> {
    this.startServer();
    await this.#settled(bootstrap(this.admin, { serviceRange, apiServiceIp, port: 6443 }));
    this.startControllers();
    this.startScheduler();
    for (let n = 0; n < (this.#options.nodes ?? 0); n++) this.startNode(`node-${n}`);
  }

  isUp(host: string): boolean {
    return this.#processes.has(host);
  }

  startServer(): void {
    const env = this.#process('server').env;
    const server = new ApiServer(env, this.store, {
      kinds: builtInKinds,
      address: '127.0.0.1:6443',
      nodes: ({ name }) => this.#doors.get(name) ?? unreachable,
      ...(this.#options.metrics ? { resourceMetrics: (...parts) => new ResourceMetrics(...parts) } : {}),
      access: { authorizers: [this.#rights, new PartRights(this.#rights)] },
    });
    this.net.server = server.handle;
  }

  /** All connections break. What the store had on disk stays. */
  crashServer(): void {
    this.#kill('server');
    this.store.crash();
    this.net.server = undefined;
    this.net.endWatches();
  }

  startControllers(): void {
    const { leaders } = this.#options;
    if (leaders === undefined) this.#startPart('controllers', (setting) => this.#parts.controllers(setting));
    for (let n = 0; n < (leaders ?? 0); n++) this.startCandidate(`controllers-${n}`);
  }

  /** One of many processes of controllers: it acts while it holds the lease. */
  startCandidate(host: string): void {
    const process = this.#process(host);
    const { env } = process;
    const timing = this.#options.timing ?? timings.upstream;
    const identity = `${host}_${env.random.uid()}`;
    const link = this.net.link(host);
    const choice = { name: 'kube-controller-manager', identity, timing: timing.lease };
    const asAdmin: Transport = (request) => link({ ...request, caller: admin });
    const leader = new Leader(env, asAdmin, choice, async (transport, stop) => {
      const client = new Client(transport);
      const caches = new Caches(env, client);
      const components = this.#parts.controllers({ env, client, caches, timing, rebalance: false });
      await Promise.all([...caches.all(), ...components].map((part) => part.run(stop).catch(unlessStopped)));
    });
    process.run([leader]);
  }

  startScheduler(): void {
    this.#startPart('scheduler', (setting) => this.#parts.scheduler(setting));
  }

  /** Whatever runs on this host: server, controllers, scheduler, or the agent of a node. */
  crash(host: string): void {
    if (host === 'server') this.crashServer();
    else {
      this.#kill(host);
      this.net.unplug(host);
    }
  }

  restart(host: string): void {
    this.crash(host);
    if (host === 'server') this.startServer();
    else if (host === 'controllers') this.startControllers();
    else if (host === 'scheduler') this.startScheduler();
    else if (host.startsWith('controllers-')) this.startCandidate(host);
    else this.startNode(host);
  }

  /** The machine itself stops: its agent and all of its containers with it. */
  powerOff(node: string): void {
    this.crash(node);
    this.runtimes.delete(node);
  }

  startNode(name: string, labels: Labels = {}): void {
    const process = this.#process(name);
    const { env } = process;
    const place = this.#addresses.get(name) ?? this.#addresses.size;
    this.#addresses.set(name, place);
    const runtime = this.runtimes.get(name) ?? this.#engine(name, place);
    const start = (this.#starts.get(name) ?? 0) + 1;
    this.#starts.set(name, start);
    const client = new Client(this.net.link(name), admin);
    const serviceCache = new Cache(env, client.as('kubelet', nodeSpeaker(name)), services);
    const agent = new Agent(
      env,
      client,
      { default: process.mortal(this.#parts.engine(runtime, start)) },
      {
        node: name,
        labels,
        capacity: this.#options.capacity ?? defaultCapacity,
        addresses: [{ type: 'InternalIP', address: `192.168.${place >> 8}.${place & 255}` }],
        services: serviceCache,
        fences: this.#options.timing?.linkGraceMs !== undefined,
        events: new EventRecorder(env, client.as('kubelet', nodeSpeaker(name)), 'kubelet', { host: name }),
      },
    );
    this.#doors.set(name, new NodeApi({ env, node: name, door: agent }).handle);
    process.run([serviceCache, agent]);
  }

  async run(duration: Millis): Promise<void> {
    await this.clock.run(duration, this.#options.drain, () => this.#throwBug());
    this.verify();
  }

  /** Lets time go on until this is answered: a write takes as long as the disk does. */
  async until<T>(work: Promise<T>): Promise<T> {
    let answered = false;
    const answer = work.finally(() => {
      answered = true;
    });
    answer.catch(() => {});
    await this.#options.drain();
    while (!answered) await this.run(1);
    return answer;
  }

  /** What is not worth asking at every commit. */
  verify(): void {
    for (const checker of this.checkers) checker.verify?.();
    this.#throwBug();
  }

  #throwBug(): void {
    if (this.#bug !== undefined) throw this.#bug;
  }

  #engine(name: string, place: number): SimRuntime {
    const addressPrefix = `10.244.${place & 255}`;
    const env = simEnv({ clock: this.clock, random: this.#random.fork(`engine/${name}/${this.clock.monotonic()}`) });
    const runtime = new SimRuntime(env, { startDelayMs: 200, addressPrefix, ...this.#options.runtime });
    this.runtimes.set(name, runtime);
    return runtime;
  }

  #startPart(host: string, parts: (setting: PartSetting) => readonly Component[]): void {
    const process = this.#process(host);
    const { env } = process;
    const client = new Client(this.net.link(host), host === 'scheduler' ? scheduler : controllerManager);
    const caches = new Caches(env, client);
    const components = parts({
      env,
      client,
      caches,
      timing: this.#options.timing ?? timings.upstream,
      rebalance: this.#options.rebalance ?? false,
    });
    process.run([...caches.all(), ...components]);
  }

  #process(host: string): SimProcess {
    this.#kill(host);
    this.restartedAt.set(host, this.clock.monotonic());
    const random = this.#random.fork(`${host}/${this.clock.monotonic()}`);
    const onBug = (error: unknown) => {
      this.#bug ??= error;
    };
    const env = simEnv({ clock: this.clock, random, log: this.#log(host) });
    const process = new SimProcess({ env, onBug });
    this.#processes.set(host, process);
    return process;
  }

  /** A request that the server could not answer is a bug; what agents complain of is a pod's own trouble. */
  #log(host: string): Log {
    const error = (message: string, fields?: object) => {
      if (host === 'server') this.#bug ??= new Error(`${host}: ${message} ${JSON.stringify(fields)}`);
    };
    return { debug: () => {}, info: () => {}, error };
  }

  #kill(host: string): void {
    this.#doors.delete(host);
    this.#processes.get(host)?.kill();
    this.#processes.delete(host);
  }

  #observe(batch: readonly Change[]): 'more' {
    for (const change of batch) {
      const { entry, type } = change;
      this.commits++;
      this.#fingerprint.add(`${entry.modified} ${this.clock.monotonic()} ${type} ${entry.key}`);
      if (type === 'put') this.#fingerprint.add(canonicalJson(entry.value));
      for (const checker of this.checkers) this.#guard(() => checker.commit?.(change));
    }
    return 'more';
  }

  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#bug ??= error;
    }
  }

  async #settled(work: Promise<unknown>): Promise<void> {
    await this.#options.drain();
    await work;
  }
}
