import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { PodFolder, ShimMessage, ShimRequest } from './record.ts';
import { shimFlags } from './shim-program.ts';

type Asked = ShimRequest extends infer R ? (R extends { readonly n: number } ? Omit<R, 'n'> : never) : never;

/** The agent's end of the line to one shim. When it breaks, every question is answered with an error. */
export class ShimLink {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, { resolve(): void; reject(cause: Error): void }>();
  #next = 1;
  alive = true;

  constructor(socket: Socket, onChange: (container: string) => void, onClose: () => void) {
    this.#socket = socket;
    let text = '';
    socket.setEncoding('utf8');
    // A watcher, not a reason to stay: the agent may end while its pods run on.
    socket.unref();
    socket.on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop() as string;
      for (const line of lines) this.#take(JSON.parse(line) as ShimMessage, onChange);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.alive = false;
      for (const one of this.#waiting.values()) one.reject(new ShimGone());
      this.#waiting.clear();
      onClose();
    });
  }

  ask(request: Asked): Promise<void> {
    const n = this.#next++;
    return new Promise((resolve, reject) => {
      if (!this.alive) return reject(new ShimGone());
      this.#waiting.set(n, { resolve, reject });
      this.#socket.ref();
      this.#socket.write(`${JSON.stringify({ ...request, n })}\n`);
    });
  }

  end(): void {
    this.#socket.destroy();
  }

  #take(message: ShimMessage, onChange: (container: string) => void): void {
    if ('changed' in message) return onChange(message.changed);
    const one = this.#waiting.get(message.n);
    this.#waiting.delete(message.n);
    if (this.#waiting.size === 0) this.#socket.unref();
    if (message.error === undefined) one?.resolve();
    else one?.reject(new Error(message.error));
  }
}

/** The shim died, or ended because it was told to, before it could answer. */
export class ShimGone extends Error {
  constructor() {
    super('the shim of this pod is gone');
    this.name = 'ShimGone';
  }
}

export function connectSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** Resolves when the shim listens, or when it ended because another one does. `around`: words that run it in turn. */
export function spawnShim(
  program: string,
  folder: PodFolder,
  socket: string,
  around: readonly string[] = [],
): Promise<void> {
  const errors = openSync(join(folder.path, 'shim.log'), 'a', 0o600);
  const words = [...around, process.execPath, ...shimFlags, program, folder.path, socket];
  const child = spawn(words[0] as string, words.slice(1), {
    cwd: folder.path,
    env: { PATH: process.env['PATH'] },
    // A session of its own: no signal meant for the agent reaches it.
    detached: true,
    stdio: ['ignore', 'pipe', errors],
  });
  closeSync(errors);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.stdout?.once('data', () => {
      child.stdout?.destroy();
      child.unref();
      resolve();
    });
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`the shim of ${folder.path} ended at once: ${signal ?? code}, see shim.log there`));
    });
  });
}
