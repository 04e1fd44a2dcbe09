import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface GroupUsage {
  readonly cpuNanosTotal: number;
  readonly memoryBytes: number;
}

/** Linux tells CPU time in hundredths of a second, on every architecture that Node runs on. */
const tickNanos = 10_000_000;

/** What every group of processes has used, by the group's id; one look at the machine for all of them. */
export async function usageOfGroups(groups: ReadonlySet<number>): Promise<ReadonlyMap<number, GroupUsage>> {
  if (groups.size === 0) return new Map();
  return process.platform === 'linux' ? fromProc(groups) : fromPs(groups);
}

function fromProc(groups: ReadonlySet<number>): ReadonlyMap<number, GroupUsage> {
  const found = new Map<number, GroupUsage>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const group = Number(fields[2]);
      if (!groups.has(group)) continue;
      // User and system time, its own and that of children it has waited for.
      const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
      const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${name}/status`, 'latin1'));
      add(found, group, ticks * tickNanos, Number(resident?.[1] ?? 0) * 1024);
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

function fromPs(groups: ReadonlySet<number>): Promise<ReadonlyMap<number, GroupUsage>> {
  return new Promise((resolve, reject) => {
    execFile('ps', ['-axo', 'pgid=,rss=,time='], (error, text) => {
      if (error !== null) return reject(error);
      const found = new Map<number, GroupUsage>();
      for (const line of text.split('\n')) {
        const [group, kilobytes, time] = line.trim().split(/\s+/);
        if (!groups.has(Number(group))) continue;
        const seconds = (time ?? '').split(/[:-]/).reduce((sum, part) => sum * 60 + Number(part), 0);
        add(found, Number(group), seconds * 1_000_000_000, Number(kilobytes) * 1024);
      }
      resolve(found);
    });
  });
}

function add(found: Map<number, GroupUsage>, group: number, cpuNanos: number, memoryBytes: number): void {
  const sum = found.get(group) ?? { cpuNanosTotal: 0, memoryBytes: 0 };
  found.set(group, { cpuNanosTotal: sum.cpuNanosTotal + cpuNanos, memoryBytes: sum.memoryBytes + memoryBytes });
}
