import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bornAt, isAlive } from '../host/runtime/process/identity.ts';

// Which process serves a data folder: its id and when it was born, since ids are given out again.

export function recordPid(folder: string): void {
  const { pid } = process;
  writeFileSync(fileIn(folder), `${JSON.stringify({ pid, born: bornAt(pid) })}\n`, { mode: 0o600 });
}

export function forgetPid(folder: string): void {
  rmSync(fileIn(folder), { force: true });
}

export function runningPid(folder: string): number | undefined {
  try {
    const who = JSON.parse(readFileSync(fileIn(folder), 'utf8'));
    return isAlive(who) ? who.pid : undefined;
  } catch {
    return undefined;
  }
}

const fileIn = (folder: string) => join(folder, 'mini-k8s.pid');
