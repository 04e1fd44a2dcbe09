import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../base/json.ts';
import type { StoreHome } from './store.conformance.ts';
import { watched } from './store.conformance.ts';
import type { Change, Entry, Revision, Store } from './store.ts';
import { Compacted } from './store.ts';

const keys = ['/a', '/a/', '/a/b', '/a/b/c', '/a/bc', '/b', '/b/a', 'c'];
const prefixes = ['', '/', '/a', '/a/', '/a/b', '/b', '/none'];

interface Write {
  readonly key: string;
  readonly kind: 'put' | 'delete' | 'stale';
  readonly value: Json;
}

interface Turn {
  readonly writes: readonly Write[];
  readonly after: 'look' | 'compact' | 'restart';
  /** Where in history to look or compact: 0 the oldest, 1 the newest. */
  readonly where: number;
  readonly prefix: string;
  readonly limit: number;
}

const writes: fc.Arbitrary<Write> = fc.record({
  key: fc.constantFrom(...keys),
  kind: fc.constantFrom('put', 'put', 'delete', 'stale'),
  value: fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
});
const turns: fc.Arbitrary<Turn> = fc.record({
  writes: fc.array(writes, { maxLength: 8 }),
  after: fc.constantFrom('look', 'look', 'compact', 'restart'),
  where: fc.double({ min: 0, max: 1, noNaN: true }),
  prefix: fc.constantFrom(...prefixes),
  limit: fc.integer({ min: 1, max: 9 }),
});

/** Any sequence of turns leaves the store as it leaves the naive model. */
export function modelTest(makeHome: () => StoreHome, durable: boolean): void {
  test('Store does what a map and a list of changes do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(turns, { maxLength: 20 }), async (sequence) => {
        const home = makeHome();
        let store = home.open();
        const model = new Model(store.revision);
        try {
          for (const turn of sequence) {
            await writeBoth(store, model, turn.writes);
            const at = model.oldest + Math.round(turn.where * (model.revision - model.oldest));
            if (turn.after === 'compact') {
              await store.compact(at);
              model.oldest = Math.max(model.oldest, at);
            }
            if (turn.after === 'restart' && durable) {
              await store.close();
              store = home.open();
            }
            await compare(store, model, { ...turn, at: Math.max(at, model.oldest) });
          }
          await store.close();
        } finally {
          home.dispose();
        }
      }),
      { numRuns: durable ? 60 : 300, seed: 20_260_101 },
    );
  });
}

class Model {
  readonly changes: Change[] = [];
  readonly #first: Revision;
  oldest: Revision;

  constructor(first: Revision) {
    this.#first = first;
    this.oldest = first;
  }

  get revision(): Revision {
    return this.#first + this.changes.length;
  }

  stateAt(revision: Revision): Map<string, Entry> {
    const state = new Map<string, Entry>();
    for (const { type, entry } of this.changes.slice(0, revision - this.#first)) {
      if (type === 'put') state.set(entry.key, entry);
      else state.delete(entry.key);
    }
    return state;
  }

  since(revision: Revision, prefix: string): readonly Change[] {
    return this.changes.slice(revision - this.#first).filter((change) => change.entry.key.startsWith(prefix));
  }

  put(key: string, value: Json | undefined): Entry {
    const previous = this.stateAt(this.revision).get(key);
    const modified = this.revision + 1;
    const entry: Entry =
      value === undefined && previous !== undefined
        ? { ...previous, modified }
        : { key, value: value as Json, created: previous?.created ?? modified, modified };
    this.changes.push({ type: value === undefined ? 'delete' : 'put', entry, ...(previous && { previous }) });
    return entry;
  }
}

async function writeBoth(store: Store, model: Model, batch: readonly Write[]): Promise<void> {
  const checks = batch.map(({ key, kind, value }) => {
    const actual = model.stateAt(model.revision).get(key);
    const current = actual?.modified ?? 0;
    if (kind === 'stale' || (kind === 'delete' && actual === undefined)) {
      const answer = store.commit(key, current + 1000, kind === 'delete' ? undefined : value);
      return async () => assert.deepEqual(await answer, { ok: false, actual });
    }
    const answer = store.commit(key, current, kind === 'delete' ? undefined : value);
    const entry = model.put(key, kind === 'delete' ? undefined : value);
    return async () => assert.deepEqual(await answer, { ok: true, revision: entry.modified, entry });
  });
  for (const check of checks) await check();
}

interface Look {
  readonly at: Revision;
  readonly prefix: string;
  readonly limit: number;
}

async function compare(store: Store, model: Model, { at, prefix, limit }: Look): Promise<void> {
  assert.equal(store.revision, model.revision);
  for (const revision of [at, model.revision]) {
    const state = model.stateAt(revision);
    const expected = [...state.values()].filter((entry) => entry.key.startsWith(prefix)).sort(byKey);
    const first = await store.list(prefix, { at: revision, limit });
    assert.deepEqual(first.entries, expected.slice(0, limit));
    assert.equal(first.remaining, Math.max(0, expected.length - limit));
    const after = first.entries.at(-1)?.key ?? '/a/b';
    const rest = await store.list(prefix, { at: revision, after });
    assert.deepEqual(
      rest.entries,
      expected.filter((entry) => entry.key > after),
    );
    for (const key of keys) assert.deepEqual((await store.get(key, revision)).entry, state.get(key));
  }
  assert.deepEqual(watched(store, prefix, at).log, model.since(at, prefix));
  if (model.oldest > 1) assert.throws(() => watched(store, prefix, model.oldest - 1), Compacted);
}

const byKey = (a: Entry, b: Entry): number => (a.key < b.key ? -1 : 1);
