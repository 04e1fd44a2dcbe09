import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type Command, CommandFailure } from '../cli/command.ts';
import { startCluster } from './all-in-one.ts';
import { readyLine, untilSignal } from './foreground.ts';
import { forgetPid, recordPid, running } from './pid-file.ts';
import { type ClusterSettings, clusterFlags, dataFolder, inMemory } from './settings.ts';

const logTailLines = 5;

export const up: Command<typeof clusterFlags> = {
  name: 'up',
  summary: 'Start a cluster',
  usage: '[flags]',
  flags: clusterFlags,
  async run({ values, io }) {
    const folder = dataFolder(values);
    const known = folder === inMemory ? undefined : running(folder);
    if (known && values.foreground) {
      const remedy = 'end it with mini-k8s down';
      throw new CommandFailure(`the cluster in ${folder} is already running as process ${known.pid}: ${remedy}`);
    }
    if (known) {
      io.error(`the cluster in ${folder} is already running as process ${known.pid}; its settings stay as they are\n`);
      io.out(known.line);
      return 0;
    }
    if (values.foreground || folder === inMemory) return inForeground(values, io.out);
    io.out(await inBackground(folder));
    return 0;
  },
};

async function inForeground(values: ClusterSettings, out: (text: string) => void): Promise<number> {
  const cluster = await startCluster(values);
  const line = readyLine(cluster.plane);
  recordPid(cluster.plane.folder, line);
  out(line);
  await untilSignal();
  await cluster.close();
  forgetPid(cluster.plane.folder);
  return 0;
}

/** The same command again, in a session of its own; answers its ready line. */
async function inBackground(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'a', 0o600);
  const [program = '', ...words] = process.argv.slice(1);
  const child = spawn(process.execPath, [...process.execArgv, program, ...words, '--foreground'], {
    detached: true,
    stdio: ['ignore', 'pipe', log],
  });
  closeSync(log);
  const ended = new Promise<undefined>((resolve) => child.once('exit', () => resolve(undefined)));
  const output = child.stdout as Readable;
  const ready = new Promise<string>((resolve) => createInterface({ input: output }).once('line', resolve));
  const line = await Promise.race([ready, ended]);
  if (line === undefined)
    throw new CommandFailure(`the cluster did not start; the end of ${logFile}:\n${tailOf(logFile)}`);
  output.destroy();
  child.unref();
  return `${line}\n`;
}

function tailOf(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-logTailLines).join('\n');
}
