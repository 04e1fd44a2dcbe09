import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type {
  ContainerSpec,
  ExecIo,
  ExecPart,
  LogOptions,
  Resources,
  Runtime,
  RuntimeList,
  SandboxSpec,
  Usage,
} from '../../../agent/runtime.ts';
import type { Duplex } from '../../../api/wire.ts';
import type { Env, Millis } from '../../../base/env.ts';
import { type Hint, Hints } from '../../../base/hints.ts';
import type { Stop } from '../../../base/stop.ts';
import type { Addresses } from './addresses.ts';
import { attachTo } from './attach.ts';
import { dropGroups } from './control-group.ts';
import { execInside } from './exec.ts';
import { ProcessImages } from './images.ts';
import { ProcessLimits } from './limits.ts';
import { readLog } from './log-reader.ts';
import { planOf } from './plan.ts';
import { Pod } from './pod.ts';
import {
  makeFolder,
  type PlanRecord,
  PodFolder,
  readRecord,
  type SandboxRecord,
  type StateRecord,
  writeRecord,
} from './record.ts';
import { machineFileId, mountAgain } from './resolver-mount.ts';
import { ShimGone } from './shim-link.ts';
import { shimProgram } from './shim-program.ts';
import { connectTcp } from './tcp.ts';
import { usageOfGroups } from './usage.ts';

export interface ProcessRuntimeOptions {
  /** The folder of all pods: one folder each, and the truth about it. */
  readonly root: string;
  readonly addresses: Addresses;
  /** Where relative `file:` folders and `npm:` packages are looked for. */
  readonly from?: string;
  /** The node's own address, for pods of the host network. */
  readonly hostIp?: string;
  /** Variables by which programs of a namespace find names. */
  readonly names?: (namespace: string) => Readonly<Record<string, string>>;
}

/** Linux allows 107 bytes, macOS 103. */
const socketPathMax = 100;

/** Runs pods as plain processes of this machine, each under a small parent that outlives the agent. */
export class ProcessRuntime implements Runtime {
  readonly name = 'process';
  readonly images: ProcessImages;
  readonly #env: Env;
  readonly #root: string;
  readonly #from: string;
  readonly #hostIp: string;
  readonly #addresses: Addresses;
  readonly #names: ProcessRuntimeOptions['names'];
  readonly #pods = new Map<string, Pod>();
  readonly #hints = new Hints();
  readonly #limits: ProcessLimits;
  #program: string | undefined;
  #adopted = false;
  #machineFile = '';

  constructor(env: Env, options: ProcessRuntimeOptions) {
    this.#env = env;
    this.#root = resolve(options.root);
    this.#from = options.from ?? process.cwd();
    this.#hostIp = options.hostIp ?? '127.0.0.1';
    this.#addresses = options.addresses;
    this.#names = options.names;
    this.images = new ProcessImages(this.#from);
    makeFolder(this.#root);
    this.#limits = new ProcessLimits(this.#root);
  }

  get enforcesLimits(): boolean {
    return this.#limits.enforced;
  }

  async openSandbox(
    spec: SandboxSpec,
    _planned: readonly { readonly name: string }[],
  ): Promise<{ readonly ips: readonly string[] }> {
    await this.#adopt();
    const known = this.#pods.get(fileName(spec.id));
    if (known !== undefined) {
      if (!spec.hostNetwork) await this.#addresses.allocate(spec.id, tcpPorts(spec));
      await known.shim();
      return { ips: [known.record.ip] };
    }
    const folder = new PodFolder(join(this.#root, spec.id));
    makeFolder(folder.containers);
    const ip = spec.hostNetwork ? this.#hostIp : await this.#addresses.allocate(spec.id, tcpPorts(spec));
    const record: SandboxRecord = { spec, ip, socket: socketPath(folder) };
    writeRecord(folder.sandbox, record);
    const pod = this.#pod(folder, record);
    await pod.shim();
    return { ips: [ip] };
  }

  async closeSandbox(id: string): Promise<void> {
    await this.#adopt();
    const pod = this.#pods.get(fileName(id));
    if (pod !== undefined) {
      await pod.close();
      for (const one of pod.ids()) dropGroups(readRecord<PlanRecord>(pod.folder.plan(one))?.groups ?? { folders: [] });
      this.#limits.tidy();
      rmSync(pod.record.socket, { force: true });
      rmSync(pod.folder.path, { recursive: true, force: true });
      this.#pods.delete(id);
    }
    await this.#addresses.release(id);
  }

  async create(spec: ContainerSpec): Promise<void> {
    await this.#adopt();
    const pod = this.#pods.get(spec.sandbox);
    if (pod === undefined) throw new Error(`create ${spec.id}: there is no sandbox ${spec.sandbox}`);
    const file = pod.folder.plan(fileName(spec.id));
    if (existsSync(file)) return;
    const { ip, spec: sandbox } = pod.record;
    const place = {
      sandbox,
      ip,
      host: this.resolve(ip, 0).host,
      portFor: (port: number) => this.resolve(ip, port).port,
      ...(this.#names ? { names: this.#names } : {}),
    };
    const plan = planOf(spec, place, { folder: pod.folder, from: this.#from });
    makeFolder(join(pod.folder.container(spec.id), 'work'));
    const groups = this.#limits.make(spec.id, spec.resources);
    writeRecord(file, groups ? { ...plan, groups } : plan);
    pod.forget();
  }

  async start(id: string): Promise<void> {
    const pod = await this.#podOf(id);
    if (pod === undefined) throw new Error(`start ${id}: there is no such container`);
    if (!pod.record.spec.hostNetwork) {
      await this.#addresses.allocate(pod.record.spec.id, tcpPorts(pod.record.spec));
    }
    const shim = await pod.shim();
    await shim.ask({ say: 'start', id }).finally(() => pod.forget());
  }

  async stop(id: string, grace: Millis): Promise<void> {
    const pod = await this.#podOf(id);
    const shim = await pod?.settle();
    await shim?.ask({ say: 'stop', id, signal: 'SIGTERM', graceMs: grace }).catch(this.#unlessGone(pod));
  }

  async holdFor(sandbox: string, ms: Millis): Promise<void> {
    await this.#adopt();
    const pod = this.#pods.get(sandbox);
    const shim = await pod?.settle();
    await shim?.ask({ say: 'hold', ms }).catch(this.#unlessGone(pod));
  }

  async remove(id: string): Promise<void> {
    const pod = await this.#podOf(id);
    if (pod === undefined) return;
    const shim = await pod.settle();
    await shim?.ask({ say: 'remove', id }).catch(this.#unlessGone(pod));
    rmSync(pod.folder.container(id), { recursive: true, force: true });
    pod.forget();
  }

  /** Remembered, so that it can be read back, also where nothing holds a plain process to a share of the machine. */
  async update(id: string, resources: Resources): Promise<void> {
    const pod = await this.#podOf(id);
    const plan = pod && readRecord<PlanRecord>(pod.folder.plan(id));
    if (pod === undefined || plan === undefined) throw new Error(`update ${id}: there is no such container`);
    if (plan.groups) this.#limits.set(plan.groups, resources);
    writeRecord(pod.folder.plan(id), { ...plan, spec: { ...plan.spec, resources } });
    pod.forget();
  }

  async list(): Promise<RuntimeList> {
    await this.#adopt();
    const pods = [...this.#pods.values()];
    await Promise.all(pods.map((pod) => pod.settle()));
    this.#keepNames(pods);
    return {
      sandboxes: pods.map((pod) => ({ id: pod.record.spec.id, ips: [pod.record.ip] })),
      containers: pods.flatMap((pod) => pod.containers()),
    };
  }

  events(stop: Stop): AsyncGenerator<Hint> {
    return this.#hints.listen(stop);
  }

  async *logs(id: string, options: LogOptions, stop: Stop): AsyncGenerator<Uint8Array> {
    const pod = await this.#podOf(id);
    if (pod === undefined) throw new Error(`logs of ${id}: there is no such container`);
    const isOver = () => {
      if (!existsSync(pod.folder.plan(id))) return true;
      return readRecord<StateRecord>(pod.folder.state(id))?.state === 'exited';
    };
    yield* readLog(pod.folder.log(id), options, isOver, stop);
  }

  async *exec(id: string, command: readonly string[], io: ExecIo, stop: Stop): AsyncGenerator<ExecPart> {
    const pod = await this.#podOf(id);
    await pod?.settle();
    const plan = pod && readRecord<PlanRecord>(pod.folder.plan(id));
    if (plan === undefined || pod?.containers().find((one) => one.id === id)?.state !== 'running') {
      throw new Error(`exec in ${id}: the container is not running`);
    }
    yield* execInside({ plan, inside: pod?.inside() }, command, io, stop);
  }

  async *attach(id: string, io: ExecIo, stop: Stop): AsyncGenerator<ExecPart> {
    const pod = await this.#podOf(id);
    await pod?.settle();
    if (pod?.containers().find((one) => one.id === id)?.state !== 'running') {
      throw new Error(`attach to ${id}: the container is not running`);
    }
    yield* attachTo(pod.record.socket, id, io, stop);
  }

  async connect(sandbox: string, port: number, stop?: Stop): Promise<Duplex> {
    await this.#adopt();
    const pod = this.#pods.get(sandbox);
    if (pod === undefined) throw new Error(`connect to ${sandbox}: there is no such sandbox`);
    const target = this.resolve(pod.record.ip, port);
    return connectTcp(target.host, target.port, stop);
  }

  async usage(): Promise<readonly Usage[]> {
    await this.#adopt();
    const groups = new Map<number, string>();
    for (const pod of this.#pods.values()) {
      for (const { id, state } of pod.containers()) {
        const record = state === 'running' ? readRecord<StateRecord>(pod.folder.state(id)) : undefined;
        if (record?.process !== undefined) groups.set(record.process.pid, id);
      }
    }
    const used = await usageOfGroups(new Set(groups.keys()));
    return [...used].map(([group, usage]) => ({ id: groups.get(group) as string, ...usage }));
  }

  /** Where a pod's port is really heard: for proxies, probes and port-forward. */
  resolve(ip: string, port: number): { readonly host: string; readonly port: number } {
    if (this.#addresses.real || ip === this.#hostIp) return { host: ip, port };
    return { host: '127.0.0.1', port: this.#addresses.portFor(ip, port) };
  }

  /** Lets go of the pods, which run on. */
  leave(): void {
    for (const pod of this.#pods.values()) pod.leave();
    this.#hints.close();
  }

  /** What is on disk is what there is: also what another agent's life has left there. */
  async #adopt(): Promise<void> {
    if (this.#adopted) return;
    this.#adopted = true;
    for (const entry of readdirSync(this.#root, { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
      const folder = new PodFolder(join(this.#root, entry.name));
      const record = readRecord<SandboxRecord>(folder.sandbox);
      if (record !== undefined) this.#pod(folder, record);
      // Opened or closed by half when the agent died: nothing runs in it.
      else rmSync(folder.path, { recursive: true, force: true });
    }
    for (const id of this.#addresses.holders()) if (!this.#pods.has(id)) await this.#addresses.release(id);
  }

  #keepNames(pods: readonly Pod[]): void {
    const now = machineFileId();
    if (now === this.#machineFile) return;
    this.#machineFile = now;
    for (const pod of pods) {
      const pid = pod.inside();
      if (pid !== undefined) mountAgain(pid, pod.folder);
    }
  }

  #pod(folder: PodFolder, record: SandboxRecord): Pod {
    this.#program ??= shimProgram(this.#root);
    const pod = new Pod(folder, record, this.#program, (id) => this.#hints.give(id));
    this.#pods.set(record.spec.id, pod);
    return pod;
  }

  async #podOf(container: string): Promise<Pod | undefined> {
    await this.#adopt();
    fileName(container);
    for (const pod of this.#pods.values()) if (existsSync(pod.folder.plan(container))) return pod;
    return undefined;
  }

  /** A shim that died meanwhile took its containers along: that is looked after, and what was asked for is done. */
  #unlessGone(pod: Pod | undefined): (cause: unknown) => Promise<void> {
    return async (cause) => {
      if (!(cause instanceof ShimGone)) throw cause;
      this.#env.log.error('the shim of a pod died', { pod: pod?.record.spec.id });
      await pod?.settle();
    };
  }
}

function tcpPorts(spec: SandboxSpec): readonly number[] {
  return spec.ports.filter((port) => port.protocol === 'TCP').map((port) => port.container);
}

/** Ids become names of folders, so they must not lead anywhere else. */
function fileName(id: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/.test(id)) throw new Error(`${JSON.stringify(id)} is no id`);
  return id;
}

function socketPath(folder: PodFolder): string {
  const inside = join(folder.path, 'shim.sock');
  return inside.length <= socketPathMax ? inside : join(mkdtempSync(join(tmpdir(), 'mk8s-')), 's');
}
