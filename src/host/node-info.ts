import { mkdirSync, readFileSync, statfsSync } from 'node:fs';
import { release } from 'node:os';

/** What a node says of the machine it is on. What the machine does not tell is empty, as upstream has it. */
export function nodeInfo(): Readonly<Record<string, string>> {
  return {
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(textOf('/etc/os-release'))?.[1] ?? process.platform,
    machineID: textOf('/etc/machine-id').trim(),
    bootID: textOf('/proc/sys/kernel/random/boot_id').trim(),
    systemUUID: textOf('/sys/class/dmi/id/product_uuid').trim(),
  };
}

/** How large the disk is on which a node keeps its pods. */
export function diskBytes(folder: string): number {
  mkdirSync(folder, { recursive: true });
  const { bsize, blocks } = statfsSync(folder);
  return bsize * blocks;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
