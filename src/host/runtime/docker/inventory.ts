import { createInterface } from 'node:readline';
import type { Applied, ContainerState } from '../../../agent/runtime.ts';
import { type Env, type Instant, sleep } from '../../../base/env.ts';
import { type Stop, StopSource } from '../../../base/stop.ts';
import { type EngineClient, isEngineError } from './engine-client.ts';
import { firstUser } from './first-user.ts';
import { type Labels, label, type Owner, ownedBy } from './identity.ts';

/** What the engine says of one container of ours. */
export interface Seen {
  /** The engine's own id. */
  readonly engineId: string;
  readonly labels: Labels;
  readonly state: ContainerState;
  readonly tty: boolean;
  readonly stopSignal: string;
  /** Its first process, as the engine numbers it, while it runs. */
  readonly pid?: number;
  /** By port of the container: where it is published on this machine. */
  readonly published: ReadonlyMap<number, number>;
}

const reconnectMs = 250;
/** Events may be lost without a connection being lost: everything is looked at anew this often. */
const freshMs = 60_000;
const watched = ['start', 'die', 'oom', 'destroy'];

/**
 * The engine's containers of one node, kept true by the engine's events instead of by asking again and again. While
 * the events are interrupted nothing is believed: asking fails, or looks at everything anew.
 */
export class Inventory {
  readonly #env: Env;
  readonly #client: EngineClient;
  readonly #owner: Owner;
  readonly #changed: (seen: Seen) => void;
  readonly #stop = new StopSource();
  /** By the engine's id. */
  #known = new Map<string, Seen>();
  readonly #looking = new Map<string, Promise<unknown>>();
  /** Removed while they are looked at: the answer may be of the time before. */
  readonly #gone = new Set<string>();
  /** Those of whom the engine said that memory ran out: it forgets it where it learns of the end of them first. */
  readonly #starved = new Set<string>();
  #syncing: Promise<void> | undefined;
  #freshUntil = Number.NEGATIVE_INFINITY;
  #watching: 'never' | 'interrupted' | 'connected' = 'never';

  constructor(env: Env, client: EngineClient, owner: Owner, changed: (seen: Seen) => void) {
    this.#env = env;
    this.#client = client;
    this.#owner = owner;
    this.#changed = changed;
  }

  async all(): Promise<readonly Seen[]> {
    if (this.#watching !== 'connected') await this.#connect();
    else if (this.#env.clock.monotonic() > this.#freshUntil) await this.#sync();
    return [...this.#known.values()];
  }

  /** By the id that the agent gave. */
  async find(id: string): Promise<Seen | undefined> {
    return (await this.all()).find((seen) => seen.state.id === id);
  }

  /** As it was last seen, without asking. */
  known(): readonly Seen[] {
    return [...this.#known.values()];
  }

  /** Its event may have come before the answer of whoever started it. */
  async lookUnlessRunning(engineId: string): Promise<void> {
    await this.#looking.get(engineId);
    if (this.#known.get(engineId)?.state.state !== 'running') await this.look(engineId);
  }

  /** Asks the engine now. Answers come one after another, so that an older one never replaces a newer one. */
  look(engineId: string): Promise<Seen | undefined> {
    const before = this.#looking.get(engineId) ?? Promise.resolve();
    const next = before.then(
      () => this.#inspect(engineId),
      () => this.#inspect(engineId),
    );
    this.#looking.set(engineId, next);
    const done = () => {
      if (this.#looking.get(engineId) !== next) return;
      this.#looking.delete(engineId);
      this.#gone.delete(engineId);
    };
    next.then(done, done);
    return next;
  }

  /** What was just made is known without asking. */
  made(
    engineId: string,
    labels: Labels,
    { tty, stopSignal }: { readonly tty: boolean; readonly stopSignal: string },
  ): Seen {
    const known = this.#known.get(engineId);
    if (known) return known;
    const id = labels[label.id] ?? '';
    const state = { id, sandbox: labels[label.sandbox] ?? '', attempt: Number(labels[label.attempt] ?? 0) };
    const seen: Seen = {
      engineId,
      labels,
      state: { ...state, state: 'created' },
      tty,
      stopSignal,
      published: new Map(),
    };
    // Whoever made it needs no hint of it.
    this.#known.set(engineId, seen);
    return seen;
  }

  drop(engineId: string): void {
    if (this.#looking.has(engineId)) this.#gone.add(engineId);
    const seen = this.#known.get(engineId);
    if (!seen) return;
    this.#known.delete(engineId);
    this.#starved.delete(engineId);
    this.#changed(seen);
  }

  close(): void {
    this.#stop.stop();
  }

  /** Listens first and looks then, so that nothing falls between. */
  async #connect(): Promise<void> {
    const began = this.#watching === 'never';
    const events = await this.#openEvents();
    if (this.#stop.stopped) return void events.destroy();
    const lines = createInterface({ input: events });
    const ended = new Promise<void>((resolve) => events.once('close', resolve));
    events.on('error', () => {});
    lines.on('error', () => {});
    lines.on('line', (line) => this.#event(line));
    const forget = this.#stop.onStop(() => events.destroy());
    this.#watching = 'connected';
    void ended.then(() => {
      forget();
      this.#interrupted();
    });
    if (began) this.#freshUntil = Number.NEGATIVE_INFINITY;
    await this.#sync();
  }

  #interrupted(): void {
    if (this.#watching !== 'connected') return;
    this.#watching = 'interrupted';
    this.#freshUntil = Number.NEGATIVE_INFINITY;
    if (!this.#stop.stopped) void this.#reconnect(this.#stop);
  }

  async #reconnect(stop: Stop): Promise<void> {
    while (!stop.stopped && this.#watching === 'interrupted') {
      await sleep(this.#env.clock, reconnectMs, stop).catch(() => {});
      await this.all().catch(() => {});
    }
  }

  #openEvents() {
    const filters = { type: ['container'], event: watched, label: ownedBy(this.#owner) };
    return this.#client.stream('GET', '/events', { query: { filters } });
  }

  #event(line: string): void {
    const { Action: action, Actor: actor } = JSON.parse(line) as EngineEvent;
    if (!action || !actor) return;
    if (action === 'destroy') return this.drop(actor.ID);
    if (action === 'oom') this.#starved.add(actor.ID);
    // Whoever started it has looked already, or is just looking.
    if (action === 'start') this.lookUnlessRunning(actor.ID).catch(() => {});
    else this.look(actor.ID).catch(() => {});
  }

  /** One at a time; whoever comes meanwhile waits for the same. */
  #sync(): Promise<void> {
    this.#syncing ??= this.#lookAtAll().finally(() => (this.#syncing = undefined));
    return this.#syncing;
  }

  async #lookAtAll(): Promise<void> {
    const query = { all: true, filters: { label: ownedBy(this.#owner) } };
    const listed = await this.#client.json<readonly Listed[]>('GET', '/containers/json', { query });
    const there = new Set(listed.map(({ Id }) => Id));
    for (const [engineId] of this.#known) {
      // What was made a moment ago may not have been in the answer: it is asked for by itself.
      if (!there.has(engineId)) await this.look(engineId);
    }
    const doubtful = listed.filter(({ Id, State }) => this.#known.get(Id)?.state.state !== stateNamed(State));
    await Promise.all(doubtful.map(({ Id }) => this.look(Id)));
    this.#freshUntil = this.#env.clock.monotonic() + freshMs;
  }

  async #inspect(engineId: string): Promise<Seen | undefined> {
    try {
      const inspected = await this.#client.json<Inspected>('GET', `/containers/${engineId}/json`);
      const seen = seenOf(inspected, inspected.State.OOMKilled || this.#starved.has(engineId));
      if (!seen) return undefined;
      const user = this.#known.get(engineId)?.state.user ?? (seen.pid && (await firstUser(engineId, seen.pid)));
      const whole = user ? { ...seen, state: { ...seen.state, user } } : seen;
      if (this.#gone.has(engineId)) return undefined;
      this.#set(whole);
      return whole;
    } catch (error) {
      if (!isEngineError(error, 404)) throw error;
      this.drop(engineId);
      return undefined;
    }
  }

  #set(seen: Seen): void {
    const before = this.#known.get(seen.engineId);
    this.#known.set(seen.engineId, seen);
    const isNews = before?.state.state !== seen.state.state || before.state.reason !== seen.state.reason;
    if (isNews) this.#changed(seen);
  }
}

interface EngineEvent {
  readonly Action?: string;
  readonly Actor?: { readonly ID: string };
}
interface Listed {
  readonly Id: string;
  readonly State: string;
}
interface Inspected {
  readonly Id: string;
  readonly Created: string;
  readonly Image: string;
  readonly Config: { readonly Labels: Labels; readonly Tty: boolean; readonly StopSignal?: string };
  readonly State: {
    readonly Status: string;
    readonly Running: boolean;
    readonly Pid?: number;
    readonly OOMKilled: boolean;
    readonly ExitCode: number;
    readonly Error?: string;
    readonly StartedAt: string;
    readonly FinishedAt: string;
  };
  readonly HostConfig?: { readonly CpuShares?: number; readonly CpuQuota?: number; readonly Memory?: number };
  readonly NetworkSettings: {
    readonly Ports?: Readonly<Record<string, readonly { readonly HostPort: string }[] | null>>;
  };
}

function stateNamed(name: string): ContainerState['state'] {
  if (name === 'created') return 'created';
  return name === 'exited' || name === 'dead' || name === 'removing' ? 'exited' : 'running';
}

function seenOf(inspected: Inspected, isStarved: boolean): Seen | undefined {
  const { Labels: labels, Tty: tty, StopSignal: signal } = inspected.Config;
  const id = labels[label.id];
  const sandbox = labels[label.sandbox];
  if (!id || !sandbox) return undefined;
  const ports = Object.entries(inspected.NetworkSettings.Ports ?? {}).flatMap(([port, places]) => {
    const host = Number(places?.[0]?.HostPort);
    return host ? [[Number.parseInt(port, 10), host] as const] : [];
  });
  const base = { id, sandbox, attempt: Number(labels[label.attempt] ?? 0), imageId: inspected.Image };
  return {
    engineId: inspected.Id,
    labels,
    state: { ...base, ...lifeOf(inspected, isStarved), applied: appliedOf(inspected) },
    tty,
    stopSignal: signal || 'SIGTERM',
    ...(inspected.State.Pid ? { pid: inspected.State.Pid } : {}),
    published: new Map(ports),
  };
}

function appliedOf({ HostConfig: host = {} }: Inspected): Applied {
  return {
    cpuShares: host.CpuShares ?? 0,
    ...(host.CpuQuota ? { cpuQuotaMicros: host.CpuQuota } : {}),
    ...(host.Memory ? { memoryBytes: host.Memory } : {}),
  };
}

/** As upstream tells it of a container that could not even begin. */
const startErrorCode = 128;

function lifeOf(
  { State: state, Created }: Inspected,
  isStarved: boolean,
): Pick<ContainerState, 'state'> & Partial<ContainerState> {
  const startedAt = instantOf(state.StartedAt);
  const started = startedAt === undefined ? {} : { startedAt };
  const kind = stateNamed(state.Status);
  if (kind === 'running') return { state: 'running', ...started };
  if (kind === 'created') {
    if (!state.Error) return { state: 'created' };
    const finishedAt = instantOf(state.FinishedAt) ?? instantOf(Created) ?? (0 as Instant);
    return { state: 'exited', exitCode: startErrorCode, reason: 'StartError', message: state.Error, finishedAt };
  }
  const reason = isStarved ? 'OOMKilled' : state.ExitCode === 0 ? 'Completed' : 'Error';
  const told = instantOf(state.FinishedAt);
  // Of a container that ends at once the engine may write the end down before the beginning.
  const finishedAt = told !== undefined && startedAt !== undefined && told < startedAt ? startedAt : told;
  return {
    state: 'exited',
    exitCode: state.ExitCode,
    reason,
    ...started,
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}

/** The engine writes the year 1 for "never". */
function instantOf(text: string): Instant | undefined {
  const at = Date.parse(text);
  return Number.isNaN(at) || at <= 0 ? undefined : (at as Instant);
}
