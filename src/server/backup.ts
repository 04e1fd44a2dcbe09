import type { Crypto, Env } from '../base/env.ts';
import { encodeText, type Json } from '../base/json.ts';
import type { Entry, Revision, Store } from '../store/store.ts';
import { listWhole } from './whole-list.ts';

/** Where the server gives out a backup. No path of Kubernetes: whoever may read it may read every secret. */
export const backupPath = '/mini-k8s/backup';

/** Lines made at a time: others have their turn between. */
const sliceMax = 200;

/** The first line of a backup. One line for each object follows, and one that says that it is whole. */
export interface BackupHead {
  readonly backup: 1;
  readonly revision: Revision;
}
interface BackupEnd {
  readonly end: number;
  readonly digest: string;
}

export interface Backup {
  readonly revision: Revision;
  readonly entries: readonly Entry[];
}

/** The state at one revision, as lines of JSON, whatever is written meanwhile. */
export async function* backupLines(
  store: Store,
  { clock, crypto }: Pick<Env, 'clock' | 'crypto'>,
): AsyncIterable<Uint8Array> {
  const { entries, revision } = await listWhole(clock, store, '/');
  yield encodeText(`${JSON.stringify({ backup: 1, revision } satisfies BackupHead)}\n`);
  const digest = new LinesDigest(crypto);
  for (let start = 0; start < entries.length; start += sliceMax) {
    const lines = entries.slice(start, start + sliceMax).map((entry) => JSON.stringify(entry));
    for (const line of lines) digest.add(line);
    yield encodeText(`${lines.join('\n')}\n`);
  }
  yield encodeText(`${JSON.stringify({ end: entries.length, digest: digest.value } satisfies BackupEnd)}\n`);
}

/** What a backup holds. Throws, with what is wrong and where, unless it is whole and as it was written. */
export function readBackup(lines: readonly string[], crypto: Crypto): Backup {
  const head = parsed(lines, 0) as Partial<BackupHead>;
  if (head.backup !== 1 || !Number.isSafeInteger(head.revision)) throw new Error('line 1 does not begin a backup');
  const last = lines.length - 1;
  const end = parsed(lines, last) as Partial<BackupEnd>;
  if (end.end === undefined) throw new Error(`it ends too early, after ${lines.length} lines`);
  if (end.end !== last - 1) throw new Error(`it has ${last - 1} objects and was written with ${end.end}`);
  const digest = new LinesDigest(crypto);
  const entries: Entry[] = [];
  for (let index = 1; index < last; index++) {
    entries.push(entryOf(parsed(lines, index), index));
    digest.add(lines[index] as string);
  }
  if (digest.value !== end.digest) throw new Error('its content is not what was written: the digest differs');
  return { revision: head.revision as Revision, entries };
}

/** Over the digests of the lines, in order. */
class LinesDigest {
  readonly #crypto: Crypto;
  readonly #digests: string[] = [];

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  get value(): string {
    return this.#crypto.digest(encodeText(this.#digests.join('')));
  }

  add(line: string): void {
    this.#digests.push(this.#crypto.digest(encodeText(line)));
  }
}

function parsed(lines: readonly string[], index: number): Json {
  try {
    return JSON.parse(lines[index] ?? '');
  } catch (cause) {
    throw new Error(`line ${index + 1} is no JSON`, { cause });
  }
}

function entryOf(value: Json, index: number): Entry {
  const { key, created, modified } = value as Partial<Entry>;
  if (typeof key !== 'string' || !Number.isSafeInteger(created) || !Number.isSafeInteger(modified)) {
    throw new Error(`line ${index + 1} is no object with its key and revisions`);
  }
  return value as unknown as Entry;
}
