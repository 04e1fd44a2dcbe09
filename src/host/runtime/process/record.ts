import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerSpec, SandboxSpec } from '../../../agent/runtime.ts';
import type { ContainerGroups } from './control-group.ts';
import type { Identity } from './identity.ts';

/** `sandbox.json`, written by the agent. */
export interface SandboxRecord {
  readonly spec: SandboxSpec;
  readonly ip: string;
  /** Where the shim listens: inside the folder, unless its path is too long for a socket. */
  readonly socket: string;
}

/** `plan.json`, written by the agent: the container as it was asked for, and what that means on this machine. */
export interface PlanRecord {
  readonly spec: ContainerSpec;
  readonly imageId: string;
  readonly command: readonly string[];
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user?: number;
  readonly group?: number;
  /** What holds it to its limits. */
  readonly groups?: ContainerGroups;
}

/** `state.json`, written by the shim (by the agent only after the shim's death). */
export interface StateRecord {
  readonly state: 'starting' | 'running' | 'exited';
  readonly process?: Identity;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly reason?: string;
}

/** What the agent says to the shim, one JSON text a line. `n` comes back in the answer. */
export type ShimRequest = { readonly n: number } & (
  | { readonly say: 'start'; readonly id: string }
  | { readonly say: 'stop'; readonly id: string; readonly signal: NodeJS.Signals; readonly graceMs: number }
  | { readonly say: 'remove'; readonly id: string }
  | { readonly say: 'close' }
  /** Everything ends after so long, and nothing starts any more, unless it is said again. */
  | { readonly say: 'hold'; readonly ms: number }
  /** From now on this connection hears what the container says. `input`: it is also the one that speaks to it. */
  | { readonly say: 'attach'; readonly id: string; readonly input: boolean }
  /** In base64; nothing is the end of the input. */
  | { readonly say: 'input'; readonly id: string; readonly bytes?: string }
  | { readonly say: 'resize'; readonly id: string; readonly rows: number; readonly columns: number }
);

/** What the shim says: an answer to `n`, or that something happened to a container. */
export type ShimMessage = { readonly n: number; readonly error?: string } | { readonly changed: string };

/** What a connection that is attached hears besides, in base64. */
export interface AttachMessage {
  readonly output: string;
  readonly from: 'stdout' | 'stderr';
}

/** Every file of one pod. */
export class PodFolder {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
  get sandbox(): string {
    return join(this.path, 'sandbox.json');
  }
  get shim(): string {
    return join(this.path, 'shim.json');
  }
  get containers(): string {
    return join(this.path, 'containers');
  }
  container(id: string): string {
    return join(this.path, 'containers', id);
  }
  plan(id: string): string {
    return join(this.container(id), 'plan.json');
  }
  state(id: string): string {
    return join(this.container(id), 'state.json');
  }
  log(id: string): string {
    return join(this.container(id), logName);
  }
  /** What every process of the pod carries in its environment. */
  get mark(): string {
    return `${markName}=${this.path}`;
  }
}

export const logName = 'log';
export const markName = 'MINI_K8S_POD_DIR';

/** Undefined where the file is not there. A file that is there is whole: it was renamed into place. */
export function readRecord<T>(file: string): T | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return JSON.parse(text) as T;
}

export function writeRecord(file: string, value: object): void {
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, JSON.stringify(value), { mode: 0o600 });
  renameSync(draft, file);
}

export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}
