import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

// Small, because the guard loads it.

/** Until when sandboxes may run, by the machine's monotonic clock, which all its processes share. */
export interface HoldFile {
  readonly agent: number;
  /** The process that ends what is over; 0 before there is one. */
  readonly guard: number;
  readonly until: Readonly<Record<string, number>>;
}

/** What lies further ahead was written before the machine started anew; what is over for so long has been ended. */
const heldMaxMs = 600_000;

export const machineMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);

export function readHolds(file: string): HoldFile | undefined {
  try {
    const { agent, guard, until } = JSON.parse(readFileSync(file, 'utf8')) as HoldFile;
    const now = machineMs();
    return {
      agent,
      guard,
      until: Object.fromEntries(Object.entries(until).filter(([, at]) => Math.abs(at - now) <= heldMaxMs)),
    };
  } catch {
    return undefined;
  }
}

/** In one step, so that nobody reads the half of it. */
export function writeHolds(file: string, holds: HoldFile): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(holds), { mode: 0o600 });
  renameSync(draft, file);
}

export function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
