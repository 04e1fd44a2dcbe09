import { existsSync, readdirSync, rmSync } from 'node:fs';
import { appliedResources } from '../../../agent/container-resources.ts';
import type { ContainerState } from '../../../agent/runtime.ts';
import type { Instant } from '../../../base/env.ts';
import { endMarked, type Identity, isAlive, signalGroup } from './identity.ts';
import {
  type PlanRecord,
  type PodFolder,
  readRecord,
  type SandboxRecord,
  type StateRecord,
  writeRecord,
} from './record.ts';
import { canMount, withOwnNames } from './resolver-mount.ts';
import { connectSocket, ShimGone, ShimLink, spawnShim } from './shim-link.ts';

/** How long a shim that lives may take to answer its socket, and a killed process to be gone. */
const patienceMs = 2_000;
const pollMs = 5;

/** One sandbox as the agent sees it: the folder on disk is the truth, the link to its shim only a quick way to it. */
export class Pod {
  readonly folder: PodFolder;
  readonly record: SandboxRecord;
  readonly #program: string;
  readonly #onChange: (id: string) => void;
  #link: ShimLink | undefined;
  #states: readonly ContainerState[] | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(folder: PodFolder, record: SandboxRecord, program: string, onChange: (id: string) => void) {
    this.folder = folder;
    this.record = record;
    this.#program = program;
    this.#onChange = onChange;
  }

  /** Makes disk and world agree: links to a living shim; ends and writes down what a dead one left behind. */
  settle(): Promise<ShimLink | undefined> {
    if (this.#link?.alive) return Promise.resolve(this.#link);
    return this.#alone(() => this.#settle());
  }

  /** The link to the shim, started again where it is gone. */
  shim(): Promise<ShimLink> {
    if (this.#link?.alive) return Promise.resolve(this.#link);
    return this.#alone(async () => {
      const found = await this.#settle();
      if (found !== undefined) return found;
      if (this.#closed) throw new Error(`sandbox ${this.record.spec.id} is closed`);
      const around = withOwnNames(this.folder, this.record.spec);
      await spawnShim(this.#program, this.folder, this.record.socket, around);
      return this.#connect();
    });
  }

  containers(): readonly ContainerState[] {
    if (this.#states !== undefined && this.#link?.alive) return this.#states;
    const states: ContainerState[] = [];
    for (const id of this.ids()) {
      const plan = readRecord<PlanRecord>(this.folder.plan(id));
      if (plan !== undefined) states.push(stateOf(plan, readRecord<StateRecord>(this.folder.state(id))));
    }
    this.#states = states;
    return states;
  }

  ids(): readonly string[] {
    return existsSync(this.folder.containers) ? readdirSync(this.folder.containers) : [];
  }

  /** The process in whose mounts the pod lives, where it has some of its own. */
  inside(): number | undefined {
    if (this.record.spec.dns.servers.length === 0 || !canMount()) return undefined;
    return readRecord<Identity>(this.folder.shim)?.pid;
  }

  /** Something was written that the shim does not tell about. */
  forget(): void {
    this.#states = undefined;
  }

  /** Ends all processes of the pod and the shim. */
  close(): Promise<void> {
    return this.#alone(async () => {
      this.#closed = true;
      const link = await this.#settle();
      const shim = readRecord<Identity>(this.folder.shim);
      await link?.ask({ say: 'close' }).catch((cause: unknown) => {
        if (!(cause instanceof ShimGone)) throw cause;
      });
      if (shim !== undefined) await gone(shim);
      await this.#reap();
      link?.end();
    });
  }

  /** The agent leaves; the pod stays. */
  leave(): void {
    this.#link?.end();
  }

  async #settle(): Promise<ShimLink | undefined> {
    if (this.#link?.alive) return this.#link;
    this.#states = undefined;
    const shim = readRecord<Identity>(this.folder.shim);
    if (shim !== undefined && isAlive(shim)) {
      try {
        return await this.#connect();
      } catch (cause) {
        if (isAlive(shim)) throw new Error(`reach the shim of ${this.record.spec.id}`, { cause });
      }
    }
    await this.#reap();
    return undefined;
  }

  async #connect(): Promise<ShimLink> {
    for (let waited = 0; ; waited += pollMs) {
      try {
        const socket = await connectSocket(this.record.socket);
        // Whatever happened before we listened is on disk.
        this.#states = undefined;
        this.#link = new ShimLink(
          socket,
          (id) => this.#changed(id),
          () => this.#changed(this.record.spec.id),
        );
        return this.#link;
      } catch (cause) {
        const shim = readRecord<Identity>(this.folder.shim);
        if (waited >= patienceMs || (shim !== undefined && !isAlive(shim))) throw cause;
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    }
  }

  #changed(id: string): void {
    this.#states = undefined;
    this.#onChange(id);
  }

  /** Nobody watches these processes any more, so nobody would learn how they end: they are ended, then written down. */
  async #reap(): Promise<void> {
    const orphans = this.ids().flatMap((id) => {
      const state = readRecord<StateRecord>(this.folder.state(id));
      return state === undefined || state.state === 'exited' ? [] : [{ id, state }];
    });
    for (const { state } of orphans) {
      if (state.process !== undefined && isAlive(state.process)) signalGroup(state.process.pid, 'SIGKILL');
    }
    for (const { state } of orphans) if (state.process !== undefined) await gone(state.process);
    if (orphans.length > 0 || existsSync(this.folder.shim)) await endMarked(this.folder.mark, patienceMs);
    for (const { id, state } of orphans) {
      const over: StateRecord = { ...state, state: 'exited', exitCode: 137, signal: 'SIGKILL', reason: 'Error' };
      writeRecord(this.folder.state(id), { ...over, finishedAt: Date.now() });
    }
    rmSync(this.folder.shim, { force: true });
    this.#states = undefined;
  }

  #alone<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(run);
    this.#turn = mine.catch(() => {});
    return mine;
  }
}

async function gone(who: Identity): Promise<void> {
  for (let waited = 0; isAlive(who); waited += pollMs) {
    if (waited > patienceMs) throw new Error(`process ${who.pid} does not end`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function stateOf(plan: PlanRecord, state: StateRecord | undefined): ContainerState {
  const { id, sandbox, attempt } = plan.spec;
  const applied = plan.groups ? { applied: appliedResources(plan.spec.resources) } : {};
  const base = { id, sandbox, attempt, imageId: plan.imageId, ...applied };
  if (state === undefined || state.state === 'starting') return { ...base, state: 'created' };
  return {
    ...base,
    state: state.state,
    ...(state.startedAt === undefined ? {} : { startedAt: state.startedAt as Instant }),
    ...(state.finishedAt === undefined ? {} : { finishedAt: state.finishedAt as Instant }),
    ...(state.exitCode === undefined ? {} : { exitCode: state.exitCode }),
    ...(state.reason === undefined ? {} : { reason: state.reason }),
  };
}
