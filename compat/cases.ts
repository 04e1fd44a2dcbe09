import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { type Edit, edited } from './tree.ts';

/** What one request of a case is, and how its answer is made comparable. */
export interface Step {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly raw?: string;
  /** A stored body, changed by `edit`. */
  readonly ref?: string;
  readonly edit?: readonly Edit[];
  /** Asked again until this code comes. */
  readonly until?: number;
  readonly capture?: Readonly<Record<string, string>>;
  /** The path of the object that later steps of the fixture speak about. */
  readonly live?: string;
  readonly pause?: number;
  readonly stream?: boolean;
  readonly as?: unknown;
  readonly keepConflict?: boolean;
  readonly liveObject?: boolean;
  readonly managed?: boolean;
  readonly sorted?: boolean;
  readonly keepType?: boolean;
  readonly pick?: readonly string[];
  readonly names?: boolean;
  readonly anyOrder?: boolean;
}
/** An answer without what differs from one run to the next. */
export interface Digest {
  readonly code: number;
  readonly reason?: string;
  readonly message?: string;
  readonly causes?: readonly (readonly [field: string, reason: string, message: string])[];
  readonly object?: unknown;
  readonly events?: readonly unknown[];
  readonly type?: string;
  readonly text?: string;
  readonly warnings?: readonly string[];
}
interface PackedDigest extends Digest {
  readonly from?: string;
  readonly diff?: readonly Edit[];
}
export interface Case {
  readonly type: 'case';
  readonly id: string;
  readonly section: string;
  readonly kind: string;
  readonly fixture: string;
  readonly steps: readonly Step[];
  readonly answers: readonly PackedDigest[];
  readonly serial?: boolean;
  /** What else counts besides the answer: `message`, `warnings`. */
  readonly judge?: readonly string[];
}
export interface Fixture {
  readonly type: 'fixture';
  readonly id: string;
  readonly setup?: readonly Step[];
  readonly teardown?: readonly Step[];
  readonly known?: string;
}
export interface StoredObject {
  readonly type: 'object';
  readonly id: string;
  readonly object: unknown;
}
export type Entry = Case | Fixture | StoredObject;

export interface Cases {
  readonly objects: ReadonlyMap<string, unknown>;
  readonly fixtures: ReadonlyMap<string, Fixture>;
  readonly cases: readonly Case[];
}

export function readCases(file: string): Cases {
  const text = brotliDecompressSync(readFileSync(file)).toString('utf8');
  const entries = text
    .split('\n')
    .filter((line) => line)
    .map((line) => JSON.parse(line) as Entry);
  return {
    objects: new Map(entries.filter((entry) => entry.type === 'object').map(({ id, object }) => [id, object])),
    fixtures: new Map(entries.filter((entry) => entry.type === 'fixture').map((entry) => [entry.id, entry])),
    cases: entries.filter((entry) => entry.type === 'case'),
  };
}

/** An answer may be kept as what it differs in from a stored object. */
export function expectedOf(answer: PackedDigest, objects: ReadonlyMap<string, unknown>): Digest {
  const { from, diff, ...rest } = answer;
  return from === undefined ? rest : { ...rest, object: edited(objects.get(from), diff) };
}
