import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { ExecIo, ExecPart } from '../../../agent/runtime.ts';
import { Channel } from '../../../base/channel.ts';
import type { Stop } from '../../../base/stop.ts';
import { signalGroup } from './identity.ts';
import type { PlanRecord } from './record.ts';

/** As shells say it: the command was not found. */
const notFound = 127;

/**
 * Runs a command where the container runs: its environment, its folder, its user. There is no terminal to give (that
 * needs native code): with `tty` the command runs without one and both streams come as stdout, as they would from one.
 */
export async function* execInside(
  plan: PlanRecord,
  command: readonly string[],
  io: ExecIo,
  stop: Stop,
): AsyncGenerator<ExecPart> {
  const [file, ...args] = command;
  if (file === undefined) throw new Error('exec needs a command');
  const parts = new Channel<ExecPart>();
  const child = spawn(file, args, {
    cwd: plan.folder,
    env: plan.env,
    detached: true,
    stdio: [io.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(plan.user === undefined ? {} : { uid: plan.user }),
    ...(plan.group === undefined ? {} : { gid: plan.group }),
  });
  const forget = stop.onStop(() => parts.close());
  child.stdout?.on('data', (bytes: Buffer) => parts.push({ from: 'stdout', bytes }));
  child.stderr?.on('data', (bytes: Buffer) => parts.push({ from: io.tty ? 'stdout' : 'stderr', bytes }));
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
  try {
    yield* parts;
  } finally {
    forget();
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      signalGroup(child.pid, 'SIGKILL');
    }
  }
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
