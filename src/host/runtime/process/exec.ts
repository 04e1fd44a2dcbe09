import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { ExecIo, ExecPart } from '../../../agent/runtime.ts';
import { Channel } from '../../../base/channel.ts';
import type { Stop } from '../../../base/stop.ts';
import { signalGroup } from './identity.ts';
import type { PlanRecord } from './record.ts';
import { besides } from './resolver-mount.ts';
import { inTerminal, resizeTerminal, type TerminalSize } from './terminal.ts';

/** How long a command waits for the size of its window. */
const sizeWithinMs = 200;
/** Pieces of output, of up to 64 KiB each, that wait for whoever listens. */
const unheardPartsMax = 16;
/** As shells say it: the command was not found. */
const notFound = 127;

/** Runs a command where the container runs: its environment, its folder, its user, in a terminal if one is wanted. */
export async function* execInside(
  { plan, inside }: { readonly plan: PlanRecord; readonly inside: number | undefined },
  command: readonly string[],
  io: ExecIo,
  stop: Stop,
): AsyncGenerator<ExecPart> {
  const [file, ...args] = command;
  if (file === undefined) throw new Error('exec needs a command');
  const parts = new Channel<ExecPart>();
  const sizes = io.resize && (await firstOf(io.resize));
  const line = io.tty ? inTerminal(file, args, sizes?.first).flat() : command;
  // Who enters the pod's mounts becomes its user only after that.
  const user = {
    ...(plan.user === undefined ? {} : { uid: plan.user }),
    ...(plan.group === undefined ? {} : { gid: plan.group }),
  };
  const [program = file, ...words] = inside === undefined ? line : [...besides(inside, plan), ...line];
  const child = spawn(program, words, {
    cwd: plan.folder,
    env: io.tty ? { TERM: 'xterm', ...plan.env } : plan.env,
    detached: true,
    // A terminal whose input has ended is one that was closed.
    stdio: [io.stdin === undefined && !io.tty ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(inside === undefined ? user : {}),
  });
  const forget = stop.onStop(() => parts.close());
  for (const from of ['stdout', 'stderr'] as const) {
    const stream = child[from];
    stream?.on('data', (bytes: Buffer) => {
      parts.push({ from: io.tty ? 'stdout' : from, bytes });
      // Whoever listens may be slower than the command speaks.
      if (parts.size >= unheardPartsMax) stream.pause();
    });
  }
  child.once('error', (error) => {
    parts.push({ from: io.tty ? 'stdout' : 'stderr', bytes: Buffer.from(`exec ${file}: ${error.message}\n`) });
    parts.push({ exitCode: notFound });
    parts.close();
  });
  child.once('close', (code, signal) => {
    parts.push({ exitCode: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) });
    parts.close();
  });
  if (io.stdin !== undefined) void feed(child, io.stdin);
  if (sizes !== undefined) void resize(child, sizes.later);
  try {
    for await (const part of parts) {
      yield part;
      if (parts.size > 0) continue;
      child.stdout?.resume();
      child.stderr?.resume();
    }
  } finally {
    forget();
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      signalGroup(child.pid, 'SIGKILL');
    }
  }
}

type Sizes = NonNullable<ExecIo['resize']>;

/** A client tells the size of its window first of all: a command that begins with it need not be told later. */
async function firstOf(sizes: Sizes): Promise<{ readonly first?: TerminalSize; readonly later: Sizes }> {
  const iterator = sizes[Symbol.asyncIterator]();
  const asked = iterator.next();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), sizeWithinMs);
  });
  const found = await Promise.race([asked, late]).finally(() => clearTimeout(timer));
  async function* later(): AsyncGenerator<TerminalSize> {
    let next = found ? await iterator.next() : await asked;
    for (; !next.done; next = await iterator.next()) yield next.value;
  }
  return { ...(found && !found.done ? { first: found.value } : {}), later: later() };
}

async function resize(child: ChildProcess, sizes: Sizes): Promise<void> {
  for await (const size of sizes) if (child.pid !== undefined) resizeTerminal(child.pid, size);
}

async function feed(child: ChildProcess, input: AsyncIterable<Uint8Array>): Promise<void> {
  // A command that does not read its input to the end is none of our failures.
  child.stdin?.on('error', () => {});
  try {
    for await (const bytes of input) {
      if (child.stdin?.write(bytes) === false) await new Promise((resolve) => child.stdin?.once('drain', resolve));
    }
  } finally {
    child.stdin?.end();
  }
}
