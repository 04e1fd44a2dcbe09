import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Millis } from '../../../base/env.ts';
import { shimFlags } from '../process/shim-program.ts';
import { machineMs, readHolds, writeHolds } from './hold-file.ts';
import { label, type Owner, ownedBy } from './identity.ts';

const program = fileURLToPath(new URL('./guard.ts', import.meta.url));

interface Guard {
  readonly process: ChildProcess;
  readonly begun: Promise<void>;
}

/** Until when sandboxes may run: kept in a file, from which a process beside the agent ends those that are over. */
export class Holds {
  readonly #file: string;
  readonly #words: readonly string[];
  /** Those that an agent before this one held are held on, until their time. */
  readonly #until: Map<string, number>;
  #guard: Guard | undefined;

  constructor(file: string, socketPath: string, owner: Owner) {
    this.#file = file;
    // What keeps a sandbox open does nothing, and has no attempts.
    this.#words = [file, socketPath, label.sandbox, label.attempt, ...ownedBy(owner)];
    this.#until = new Map(Object.entries(readHolds(file)?.until ?? {}));
  }

  /** Rejects where nobody would end it. */
  async hold(sandbox: string, ms: Millis): Promise<void> {
    this.#until.set(sandbox, machineMs() + ms);
    this.#guard ??= this.#start();
    const { process, begun } = this.#guard;
    this.#write(process.pid);
    await begun;
  }

  /** It is held no more: nothing of it may start. */
  isOver(sandbox: string): boolean {
    return (this.#until.get(sandbox) ?? Number.POSITIVE_INFINITY) <= machineMs();
  }

  release(sandbox: string): void {
    if (this.#until.delete(sandbox)) this.#write(this.#guard?.process.pid);
  }

  #write(guard = 0): void {
    const until = Object.fromEntries(this.#until);
    writeHolds(this.#file, { agent: process.pid, guard, until });
  }

  #start(): Guard {
    const path = import.meta.filename.endsWith('.ts') ? program : program.replace(/ts$/, 'js');
    const guard = spawn(process.execPath, [...shimFlags, path, ...this.#words], {
      env: { PATH: process.env['PATH'] },
      // A session of its own: no signal meant for the agent reaches it.
      detached: true,
      stdio: 'ignore',
    });
    const begun = once(guard, 'spawn').then(() => {});
    const made: Guard = { process: guard, begun };
    const gone = () => {
      if (this.#guard === made) this.#guard = undefined;
    };
    // Whoever is held next starts another one.
    guard.once('exit', gone);
    guard.once('error', gone);
    guard.unref();
    return made;
  }
}
