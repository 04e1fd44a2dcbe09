import { readFileSync } from 'node:fs';
import type { Engine } from './engine.ts';
import { EngineError } from './engine-client.ts';
import { ensurePauseImage, pauseImage } from './pause-image.ts';

/** By their number in the kernel. */
const capabilities = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
).split(' ');

/** What a process cannot have, as the kernel tells of it: a mask in hexadecimal digits. */
export function withheldBy(bounds: string): readonly string[] {
  const mask = BigInt(`0x${bounds}`);
  return capabilities.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 0n);
}

/**
 * What an engine cannot give. It gives a privileged container all that the kernel knows, and fails where it may not
 * have all of that itself, in a guest or a container say. Upstream's runtimes give what they have, and so do we.
 */
export class Withheld {
  readonly #engine: Engine;
  readonly #suspected: readonly string[];
  #known: Promise<readonly string[]> | undefined;

  /** What this process cannot have is suspected: the engine may be elsewhere, and is tried before it is believed. */
  constructor(engine: Engine, bounds = ownBounds()) {
    this.#engine = engine;
    this.#suspected = withheldBy(bounds);
  }

  names(): Promise<readonly string[]> {
    if (this.#suspected.length === 0) return Promise.resolve([]);
    this.#known ??= this.#tried().catch((error: unknown) => {
      this.#known = undefined;
      throw error;
    });
    return this.#known;
  }

  /** A privileged container that does nothing either starts, or does not. */
  async #tried(): Promise<readonly string[]> {
    await ensurePauseImage(this.#engine);
    const { client } = this.#engine;
    const host = { Privileged: true, NetworkMode: 'none', LogConfig: { Type: 'none', Config: {} } };
    const body = { Image: pauseImage, HostConfig: host };
    const { Id: id } = await client.json<{ readonly Id: string }>('POST', '/containers/create', { body });
    try {
      await client.json('POST', `/containers/${id}/start`);
      return [];
    } catch (error) {
      if (error instanceof EngineError && error.message.includes('unable to apply caps')) return this.#suspected;
      throw error;
    } finally {
      await client.json('DELETE', `/containers/${id}`, { query: { force: true } });
    }
  }
}

const everything = 'f'.repeat(16);

/** Of this process; everything where the machine does not tell. */
function ownBounds(): string {
  try {
    return /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? everything;
  } catch {
    return everything;
  }
}
