import type { Engine } from './engine.ts';
import { isEngineError } from './engine-client.ts';
import { tarOf } from './tar.ts';

/** What holds the namespaces of a pod with several containers: made here, so that no registry is needed. */
export const pauseImage = 'mini-k8s/pause:1';
const program = 'pause';

export async function ensurePauseImage({ client, architecture }: Engine): Promise<void> {
  try {
    await client.json('GET', `/images/${pauseImage}/json`);
  } catch (error) {
    if (!isEngineError(error, 404)) throw error;
    const [repo, tag] = pauseImage.split(':');
    const query = { fromSrc: '-', repo, tag, changes: `ENTRYPOINT ["/${program}"]` };
    const bytes = tarOf([{ name: program, bytes: pauseProgram(architecture), mode: 0o755 }]);
    await client.json('POST', '/images/create', { query, bytes });
  }
}

/** A whole program for Linux: it lets the kernel take ended children away, and sleeps until it is killed. */
export function pauseProgram(architecture: string): Buffer {
  const found = code[architecture];
  if (!found) throw new Error(`there is no pause program for ${architecture}`);
  const [machine, words] = found;
  return elf(machine, Buffer.from(words.replaceAll(/\s/g, ''), 'hex'));
}

// Two system calls: rt_sigaction(SIGCHLD, {SIG_IGN}, none, 8), then for ever pause (amd64) or ppoll of nothing (arm64).
// The last 32 bytes are the action: the handler 1 is "ignore", everything else nothing.
const action = `01${'00'.repeat(31)}`;
const code: Readonly<Record<string, readonly [machine: number, code: string]>> = {
  amd64: [62, `b80d000000 bf11000000 488d3513000000 31d2 41ba08000000 0f05 b822000000 0f05 ebf7 ${action}`],
  arm64: [
    183,
    `c81080d2 200280d2 41010010 020080d2 030180d2 010000d4
     280980d2 000080d2 010080d2 030080d2 010000d4 fbffff17 ${action}`,
  ],
};

const headerBytes = 64;
const segmentBytes = 56;
const loadAddress = 0x400000n;

function elf(machine: number, instructions: Buffer): Buffer {
  const begin = headerBytes + segmentBytes;
  const file = Buffer.alloc(begin);
  file.write('\x7fELF\x02\x01\x01', 'latin1');
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(machine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(loadAddress + BigInt(begin), 24);
  file.writeBigUInt64LE(BigInt(headerBytes), 32);
  file.writeUInt16LE(headerBytes, 52);
  file.writeUInt16LE(segmentBytes, 54);
  file.writeUInt16LE(1, 56);
  const size = BigInt(begin + instructions.length);
  // One segment, loaded to be read and executed.
  file.writeUInt32LE(1, 64);
  file.writeUInt32LE(5, 68);
  file.writeBigUInt64LE(loadAddress, 80);
  file.writeBigUInt64LE(loadAddress, 88);
  file.writeBigUInt64LE(size, 96);
  file.writeBigUInt64LE(size, 104);
  file.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([file, instructions]);
}
