import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { contains } from '../../../api/kinds/addresses.ts';

const run = promisify(execFile);
const deadlineMs = 5_000;

export interface PodLinks {
  /** Bridges of an engine, behind which pods of this node live. */
  readonly near: readonly string[];
  /** Those, and devices that lead to pods of other nodes. */
  readonly all: readonly string[];
}

/** The devices behind which pods of a range live, as the kernel's routes have it. */
export function podLinks(podRange: string): PodLinks {
  const lines = readOr('/proc/net/route', '').trim().split('\n').slice(1);
  const found = lines.flatMap((line) => {
    const [device = '', destination = '', gateway = ''] = line.split('\t');
    const isPods = device !== 'lo' && contains(podRange, fromHex(destination));
    return isPods ? [{ device, isNear: gateway === '00000000' }] : [];
  });
  const devices = (some: typeof found) => [...new Set(some.map(({ device }) => device))];
  return { near: devices(found.filter(({ isNear }) => isNear)), all: devices(found) };
}

/** The kernel writes an address as the number that it is on this machine, whose first byte comes last. */
const fromHex = (hex: string): string => [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join('.');

/** Whether frames between two ports of one bridge pass the rules too. */
export const bridgesAreFiltered = (): boolean =>
  readOr('/proc/sys/net/bridge/bridge-nf-call-iptables', '0').trim() === '1';

/**
 * Lets what comes in by a device be led to 127.0.0.1, where the API and pods of the host's network listen, and what
 * came from there go out. Answers whether that was changed.
 */
export function openLoopback(device: string, open: boolean): boolean {
  const file = `/proc/sys/net/ipv4/conf/${device}/route_localnet`;
  const wanted = open ? '1' : '0';
  if (readOr(file, wanted).trim() === wanted) return false;
  try {
    writeFileSync(file, wanted);
    return true;
  } catch {
    // The device is gone, or this is a container that may not.
    return false;
  }
}

/** Lets a bridge give a frame back to where it came from: a pod that reaches itself through a service. */
export async function openPorts(bridge: string): Promise<void> {
  const { stdout } = await run('ip', ['-d', '-o', 'link', 'show', 'master', bridge], { timeout: deadlineMs });
  for (const line of stdout.split('\n')) {
    const device = /^\d+: ([^@:\s]+)/.exec(line)?.[1];
    if (!device || !line.includes('hairpin off')) continue;
    await run('ip', ['link', 'set', 'dev', device, 'type', 'bridge_slave', 'hairpin', 'on'], { timeout: deadlineMs });
  }
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
}
