import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bornAt, isAlive } from '../host/runtime/process/identity.ts';

// Which process serves a data folder: its id and when it was born, since ids are given out again.

/** With the line that whoever starts the cluster once more is to be told. */
export function recordPid(folder: string, line: string): void {
  const { pid } = process;
  writeFileSync(fileIn(folder), `${JSON.stringify({ pid, born: bornAt(pid), line })}\n`, { mode: 0o600 });
}

export function forgetPid(folder: string): void {
  rmSync(fileIn(folder), { force: true });
}

export function running(folder: string): { readonly pid: number; readonly line: string } | undefined {
  try {
    const who = JSON.parse(readFileSync(fileIn(folder), 'utf8'));
    return isAlive(who) ? who : undefined;
  } catch {
    return undefined;
  }
}

const fileIn = (folder: string) => join(folder, 'mini-k8s.pid');
