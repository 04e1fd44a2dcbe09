import { readdirSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import type { Signals } from '../agent/eviction.ts';
import type { NodeSignals } from '../agent/node-pressure.ts';

const tickNanos = 10_000_000;

/** What this machine has left. Only Linux tells of memory that could be had, and of processes. */
export class MachineSignals implements NodeSignals {
  readonly #folder: string;
  readonly #images: string | undefined;

  /** Where pods keep what they write, and where an engine of this machine keeps its images. */
  constructor(folder: string, images?: string) {
    this.#folder = folder;
    this.#images = images;
  }

  /** Since the machine was started: all processors together. Nothing where it does not tell. */
  async cpuNanos(): Promise<number | undefined> {
    const text = await readFile('/proc/stat', 'utf8').catch(() => undefined);
    const ticks = /^cpu +(.*)$/m
      .exec(text ?? '')?.[1]
      ?.split(' ')
      .map(Number);
    // User, nice and system, then idle and waiting, then interrupts.
    return ticks && [0, 1, 2, 5, 6].reduce((sum, index) => sum + (ticks[index] ?? 0), 0) * tickNanos;
  }

  async read(): Promise<Signals> {
    const [node, images] = await Promise.all([spaceOf(this.#folder), this.#images && spaceOf(this.#images)]);
    const linux = process.platform === 'linux' ? await ofLinux() : {};
    return {
      ...linux,
      ...(node ? { 'nodefs.available': node.bytes, 'nodefs.inodesFree': node.inodes } : {}),
      ...(images ? { 'imagefs.available': images.bytes, 'imagefs.inodesFree': images.inodes } : {}),
    };
  }
}

async function spaceOf(folder: string) {
  const found = await statfs(folder).catch(() => undefined);
  if (!found || found.blocks === 0) return undefined;
  const { bsize, bavail, blocks, ffree, files } = found;
  // Some file systems make places for files as they are needed, and say that they have none.
  const inodes = files === 0 ? { available: Number.MAX_SAFE_INTEGER, capacity: Number.MAX_SAFE_INTEGER } : undefined;
  return {
    bytes: { available: bavail * bsize, capacity: blocks * bsize },
    inodes: inodes ?? { available: ffree, capacity: files },
  };
}

async function ofLinux(): Promise<Signals> {
  const text = await readFile('/proc/meminfo', 'utf8');
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
  const most = Number(await readFile('/proc/sys/kernel/pid_max', 'utf8'));
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length;
  return {
    'memory.available': { available: bytes('MemAvailable'), capacity: bytes('MemTotal') },
    'pid.available': { available: most - processes, capacity: most },
  };
}
