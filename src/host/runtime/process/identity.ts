import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Who a process is: a pid alone is given to somebody else after its death, so its start time goes with it. */
export interface Identity {
  readonly pid: number;
  readonly born: string;
}

/** Empty where no such process runs: a zombie is dead, it only waits for a parent to look. */
export function bornAt(pid: number): string {
  if (process.platform === 'linux') return bornOnLinux(pid);
  try {
    const text = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return text.startsWith('Z') ? '' : text.replace(/^\S+\s+/, '');
  } catch {
    return '';
  }
}

export function isAlive(who: Identity): boolean {
  const born = bornAt(who.pid);
  return born !== '' && born === who.born;
}

/** Tells the whole group; false where nobody is left in it. */
export function signalGroup(group: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whoever still carries the mark in its environment, however often it was forked or given a session of its own. Only
 * Linux shows the environment of others; elsewhere a process that leaves its group on purpose gets away.
 */
export function marked(mark: string): readonly Identity[] {
  if (process.platform !== 'linux') return [];
  const found: Identity[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      const environment = `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`;
      if (environment.includes(`\0${mark}\0`)) found.push({ pid, born: bornAt(pid) });
    } catch {
      // It ended while we looked, or belongs to another user: not ours.
    }
  }
  return found.filter((who) => who.born !== '');
}

/** Ends everything that carries the mark, and answers once it is gone (or `patienceMs` have passed). */
export async function endMarked(mark: string, patienceMs: number): Promise<void> {
  for (let waited = 0; ; waited += pollMs) {
    const left = marked(mark);
    if (left.length === 0 || waited > patienceMs) return;
    for (const who of left) signalOne(who.pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

const pollMs = 5;

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It was faster.
  }
}

function bornOnLinux(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in brackets may hold blanks and brackets itself: the fields are counted from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? '');
  } catch {
    return '';
  }
}
