import { readFileSync } from 'node:fs';
import { EngineError } from './engine-client.ts';

/** By their number in the kernel. */
const capabilities = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
).split(' ');

/** What nobody on a machine can have, as its kernel tells of a process of ours: a mask in hexadecimal digits. */
export function withheldBy(bounds: string): readonly string[] {
  const mask = BigInt(`0x${bounds}`);
  return capabilities.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 0n);
}

/**
 * What an engine cannot give, learnt from its own words. An engine gives a privileged container all that the kernel
 * knows, and fails where it may not have all of that itself, in a guest or a container say. Upstream's runtimes give
 * what they have, and so do we.
 */
export class Withheld {
  #names: readonly string[] = [];

  get names(): readonly string[] {
    return this.#names;
  }

  /** Whether a container that could not be started for this reason could be with what is known now. */
  learns(error: unknown): boolean {
    if (!(error instanceof EngineError) || !error.message.includes('unable to apply caps')) return false;
    this.#names = withheldBy(ownBounds());
    return this.#names.length > 0;
  }
}

/** Of the machine, as far as this process can know; everything where it does not tell. */
function ownBounds(): string {
  try {
    return /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 'f'.repeat(16);
  } catch {
    return 'f'.repeat(16);
  }
}
