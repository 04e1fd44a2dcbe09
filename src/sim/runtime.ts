import {
  type ContainerSpec,
  type ContainerState,
  type ExecIo,
  type ExecPart,
  type Images,
  InvalidImage,
  type LogOptions,
  type Resources,
  type Runtime,
  type RuntimeList,
  type SandboxSpec,
  type Usage,
} from '../agent/runtime.ts';
import type { Duplex } from '../api/wire.ts';
import { Channel } from '../base/channel.ts';
import { type Cancel, type Env, type Instant, type Millis, type Random, sleep } from '../base/env.ts';
import { type Hint, Hints } from '../base/hints.ts';
import { encodeText } from '../base/json.ts';
import type { Stop } from '../base/stop.ts';

export interface SimRuntimeOptions {
  /** The first three numbers of the node's pod addresses. */
  readonly addressPrefix?: string;
  readonly startDelayMs?: Millis;
  readonly pullDelayMs?: Millis;
  /** How many of all starts end with a crash, 0..1, and when at the latest. */
  readonly crashRatio?: number;
  readonly crashWithinMs?: Millis;
  /** After how long a container succeeds; undefined: it runs until it is stopped. */
  readonly succeedsAfter?: (spec: ContainerSpec) => Millis | undefined;
}

interface Box {
  readonly spec: ContainerSpec;
  state: ContainerState;
  starting?: Promise<void>;
  readonly waiting: Set<() => void>;
  load: Load;
}

/** What a container uses from a moment on, and what it had used until then. */
interface Load {
  readonly cpuMillis: number;
  readonly since: Instant;
  readonly usedNanos: number;
}

/** Images whose pull fails, for as long as one tries. */
const missingPrefix = 'missing/';
/** What every simulated container uses. */
const simulatedCpuMillis = 10;
const simulatedMemoryBytes = 16 * 1024 * 1024;

/** A container engine that only pretends: all in memory, all in virtual time. Commands are not looked at. */
export class SimRuntime implements Runtime {
  readonly name = 'sim';
  readonly images: Images;
  readonly #env: Env;
  readonly #options: SimRuntimeOptions;
  readonly #random: Random;
  readonly #sandboxes = new Map<string, { readonly id: string; readonly ips: readonly string[] }>();
  readonly #boxes = new Map<string, Box>();
  readonly #boxesOf = new Map<string, Set<Box>>();
  readonly #hints = new Hints();
  /** What `list` answers, for as long as nothing changes. */
  #seen: RuntimeList | undefined;
  readonly #used = new Set<string>();
  /** Until when sandboxes are held that end by themselves otherwise. */
  readonly #held = new Map<string, { readonly until: Millis; readonly cancel: Cancel }>();
  #nextAddress = 2;

  constructor(env: Env, options: SimRuntimeOptions = {}) {
    this.#env = env;
    this.#options = options;
    this.#random = env.random.fork('runtime');
    this.images = new SimImages(env, options.pullDelayMs ?? 0);
  }

  async openSandbox(spec: SandboxSpec): Promise<{ readonly ips: readonly string[] }> {
    const known = this.#sandboxes.get(spec.id);
    if (known !== undefined) return { ips: known.ips };
    const ips = [this.#address()];
    this.#sandboxes.set(spec.id, { id: spec.id, ips });
    this.#seen = undefined;
    return { ips };
  }

  async holdFor(sandbox: string, ms: Millis): Promise<void> {
    const { clock } = this.#env;
    this.#held.get(sandbox)?.cancel();
    const cancel = clock.after(ms, () => {
      for (const box of this.#boxesOf.get(sandbox) ?? []) this.#end(box, 137);
    });
    this.#held.set(sandbox, { until: clock.monotonic() + ms, cancel });
  }

  async closeSandbox(id: string): Promise<void> {
    this.#held.get(id)?.cancel();
    this.#held.delete(id);
    for (const box of this.#boxesOf.get(id) ?? []) {
      this.#end(box, 137);
      this.#boxes.delete(box.spec.id);
    }
    this.#boxesOf.delete(id);
    for (const ip of this.#sandboxes.get(id)?.ips ?? []) this.#used.delete(ip);
    this.#sandboxes.delete(id);
    this.#seen = undefined;
  }

  async create(spec: ContainerSpec): Promise<void> {
    if (!this.#sandboxes.has(spec.sandbox)) throw new Error(`create ${spec.id}: there is no sandbox ${spec.sandbox}`);
    if (this.#boxes.has(spec.id)) return;
    const { id, sandbox, attempt, image } = spec;
    this.#seen = undefined;
    const box: Box = {
      spec,
      state: { id, sandbox, attempt, imageId: image, state: 'created' },
      waiting: new Set(),
      load: { cpuMillis: 0, since: this.#env.clock.now(), usedNanos: 0 },
    };
    this.#boxes.set(id, box);
    const own = this.#boxesOf.get(sandbox);
    if (own) own.add(box);
    else this.#boxesOf.set(sandbox, new Set([box]));
  }

  start(id: string): Promise<void> {
    const box = this.#boxes.get(id);
    if (box === undefined) return Promise.reject(new Error(`start ${id}: there is no such container`));
    box.starting ??= this.#start(box);
    return box.starting;
  }

  async stop(id: string, grace: Millis): Promise<void> {
    const box = this.#boxes.get(id);
    if (box !== undefined) this.#end(box, grace > 0 ? 143 : 137);
  }

  async remove(id: string): Promise<void> {
    const box = this.#boxes.get(id);
    if (box === undefined) return;
    this.#end(box, 137);
    this.#boxes.delete(id);
    this.#boxesOf.get(box.spec.sandbox)?.delete(box);
    this.#seen = undefined;
  }

  async update(id: string, _resources: Resources): Promise<void> {
    if (!this.#boxes.has(id)) throw new Error(`update ${id}: there is no such container`);
  }

  async list(): Promise<RuntimeList> {
    return this.seen();
  }

  async listOf(sandbox: string): Promise<RuntimeList> {
    const known = this.#sandboxes.get(sandbox);
    const containers = [...(this.#boxesOf.get(sandbox) ?? [])].map(({ state }) => state);
    return { sandboxes: known ? [known] : [], containers };
  }

  /** For checkers, which must not wait: what `list` answers. */
  seen(): RuntimeList {
    this.#seen ??= {
      sandboxes: [...this.#sandboxes.values()],
      containers: [...this.#boxes.values()].map((box) => box.state),
    };
    return this.#seen;
  }

  /** Every state that a container enters goes through here. */
  #enter(box: Box, state: ContainerState): void {
    box.state = state;
    this.#seen = undefined;
  }

  events(stop: Stop): AsyncGenerator<Hint> {
    return this.#hints.listen(stop);
  }

  async *logs(id: string, options: LogOptions, stop: Stop): AsyncGenerator<Uint8Array> {
    const box = this.#box(id, 'logs of');
    const { startedAt } = box.state;
    const wanted = options.tail !== 0 && startedAt !== undefined && startedAt >= (options.since ?? startedAt);
    if (wanted) yield encodeText(`${options.timestamps ? `${stampOf(startedAt)} ` : ''}${box.spec.name} started\n`);
    if (!options.follow || box.state.state === 'exited') return;
    const over = new Channel<never>();
    const end = () => over.close();
    box.waiting.add(end);
    const forget = stop.onStop(end);
    try {
      yield* over;
    } finally {
      box.waiting.delete(end);
      forget();
    }
  }

  async *exec(id: string, _command: readonly string[], _io: ExecIo, _stop: Stop): AsyncGenerator<ExecPart> {
    if (this.#box(id, 'exec in').state.state !== 'running') {
      throw new Error(`exec in ${id}: the container is not running`);
    }
    yield { exitCode: 0 };
  }

  /** Accepts where a container runs, says nothing, and hangs up when the other side does. */
  async connect(sandbox: string, port: number): Promise<Duplex> {
    const runs = [...this.#boxes.values()].some(({ spec, state }) => {
      return spec.sandbox === sandbox && state.state === 'running';
    });
    if (!runs) throw new Error(`connect to port ${port} of ${sandbox}: connection refused`);
    const incoming = new Channel<Uint8Array>();
    return { incoming, write: async () => {}, end: () => incoming.close() };
  }

  async usage(): Promise<readonly Usage[]> {
    return [...this.#boxes.values()].flatMap(({ state, load }) => {
      if (state.state !== 'running' || state.startedAt === undefined) return [];
      const cpuNanosTotal = usedNanos(load, this.#env.clock.now());
      return [{ id: state.id, cpuNanosTotal, memoryBytes: simulatedMemoryBytes }];
    });
  }

  /** For scenarios: so much the container uses from now on. */
  burn(id: string, cpuMillis: number): void {
    const box = this.#box(id, 'burn');
    const now = this.#env.clock.now();
    box.load = { cpuMillis, since: now, usedNanos: usedNanos(box.load, now) };
  }

  /** For scenarios: the container ends by itself, as a crash or a success. */
  end(id: string, exitCode: number): void {
    this.#end(this.#box(id, 'end'), exitCode);
  }

  async #start(box: Box): Promise<void> {
    await sleep(this.#env.clock, this.#options.startDelayMs ?? 0);
    // It may have been removed, or closed with its sandbox, while it was starting.
    if (this.#boxes.get(box.spec.id) !== box || box.state.state !== 'created') return;
    this.#enter(box, { ...box.state, state: 'running', startedAt: this.#env.clock.now() });
    const { until } = this.#held.get(box.spec.sandbox) ?? { until: Number.POSITIVE_INFINITY };
    if (until <= this.#env.clock.monotonic()) return this.#end(box, 137);
    box.load = { cpuMillis: simulatedCpuMillis, since: this.#env.clock.now(), usedNanos: 0 };
    this.#hints.give(box.spec.id);
    const crashes = this.#random.float() < (this.#options.crashRatio ?? 0);
    const crashAfter = this.#random.below((this.#options.crashWithinMs ?? 1_000) + 1);
    const after = crashes ? crashAfter : this.#options.succeedsAfter?.(box.spec);
    if (after !== undefined) this.#env.clock.after(after, () => this.#end(box, crashes ? 1 : 0));
  }

  #end(box: Box, exitCode: number): void {
    if (box.state.state !== 'running') return;
    const reason = exitCode === 0 ? 'Completed' : 'Error';
    this.#enter(box, { ...box.state, state: 'exited', exitCode, reason, finishedAt: this.#env.clock.now() });
    for (const wake of box.waiting) wake();
    this.#hints.give(box.spec.id);
  }

  #box(id: string, what: string): Box {
    const box = this.#boxes.get(id);
    if (box === undefined) throw new Error(`${what} ${id}: there is no such container`);
    return box;
  }

  #address(): string {
    for (let tries = 0; tries < 253; tries++) {
      const ip = `${this.#options.addressPrefix ?? '10.244.0'}.${this.#nextAddress}`;
      this.#nextAddress = this.#nextAddress === 254 ? 2 : this.#nextAddress + 1;
      if (this.#used.has(ip)) continue;
      this.#used.add(ip);
      return ip;
    }
    throw new Error('all pod addresses of this node are taken');
  }
}

const nanosPerMilliMillisecond = 1_000;
const usedNanos = ({ cpuMillis, since, usedNanos: before }: Load, now: Instant): number =>
  before + (now - since) * cpuMillis * nanosPerMilliMillisecond;

class SimImages implements Images {
  readonly #env: Env;
  readonly #delay: Millis;
  readonly #names = new Set<string>();

  constructor(env: Env, delay: Millis) {
    this.#env = env;
    this.#delay = delay;
  }

  async ensure(reference: string): Promise<{ readonly id: string }> {
    if (!/^[^\s]+$/.test(reference)) throw new InvalidImage(`${JSON.stringify(reference)} is no name of an image`);
    if (reference.startsWith(missingPrefix)) throw new Error(`no registry has ${reference}`);
    if (!this.#names.has(reference)) await sleep(this.#env.clock, this.#delay);
    this.#names.add(reference);
    return { id: reference };
  }

  async list(): Promise<readonly { readonly id: string; readonly names: readonly string[]; readonly bytes: number }[]> {
    return [...this.#names].map((name) => ({ id: name, names: [name], bytes: 0 }));
  }

  async remove(id: string): Promise<void> {
    this.#names.delete(id);
  }
}

/** As log files have it: nine digits. `toISOString` of a given date is pure; only the current date is not. */
function stampOf(at: Instant): string {
  return `${new Date(at).toISOString().slice(0, -1)}000000Z`;
}
