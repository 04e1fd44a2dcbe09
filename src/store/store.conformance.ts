import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Stop } from '../base/stop.ts';
import { never, StopSource } from '../base/stop.ts';
import type { HistoryLimits } from './history.ts';
import { modelTest } from './store.model.conformance.ts';
import type { Change, Commit, Entry, Revision, Store, Watcher } from './store.ts';
import { Compacted, Future } from './store.ts';

export interface StoreConformanceOptions {
  /** After `close`, the same `open` gives the same content. */
  readonly durable: boolean;
}

/** One place for a store to live in. `open` again, after close, is a restart. */
export interface StoreHome {
  open(limits?: Partial<HistoryLimits>): Store;
  dispose(): void;
}

/** What every store must do. `makeHome` gives a new, empty home each time. */
export function storeConformance(name: string, makeHome: () => StoreHome, options: StoreConformanceOptions): void {
  const withHome = (run: (home: StoreHome) => Promise<void>) => async () => {
    const home = makeHome();
    try {
      await run(home);
    } finally {
      home.dispose();
    }
  };
  const withStore = (run: (store: Store) => Promise<void>) =>
    withHome(async (home) => {
      const store = home.open();
      await run(store);
      await store.close();
    });
  describe(name, () => {
    commitTests(withStore);
    pendingTests(withStore);
    listTests(withStore);
    watchTests(withStore);
    watchEndTests(withStore);
    historyTests(withHome);
    if (options.durable) restartTests(withHome);
    modelTest(makeHome, options.durable);
  });
}

type With<Given> = (run: (given: Given) => Promise<void>) => () => Promise<void>;

function commitTests(withStore: With<Store>): void {
  test(
    'Store answers a write, an update and a deletion with rising revisions',
    withStore(async (store) => {
      const made = ok(await store.commit('/a', 0, { n: 1 }));
      assert.deepEqual(made.entry, { key: '/a', value: { n: 1 }, created: made.revision, modified: made.revision });
      const changed = ok(await store.commit('/a', made.revision, { n: 2 }));
      assert.equal(changed.revision, made.revision + 1);
      assert.equal(changed.entry.created, made.revision);
      const deleted = ok(await store.commit('/a', changed.revision, undefined));
      assert.deepEqual(deleted.entry, { ...changed.entry, modified: deleted.revision });
      assert.deepEqual(await store.get('/a'), { entry: undefined, revision: deleted.revision });
      assert.equal(store.revision, changed.revision + 1);
    }),
  );
  test(
    'Store keeps a long value as any other: in one piece, and no revision is missed',
    withStore(async (store) => {
      const value = (name: string) => ({ name, text: `${name}${'x𝛼'.repeat(200_000)}` });
      const stop = new StopSource();
      const told: [string, Revision][] = [];
      const take: Watcher['take'] = (batch) => {
        for (const { entry } of batch) told.push([entry.key, entry.modified]);
        return 'more';
      };
      store.watch('/', store.revision, { take, closed: () => {} }, stop);
      const begun = store.revision;
      const both = [store.commit('/long', 0, value('a')), store.commit('/long', 0, value('b'))];
      for (let n = 0; n < 3; n++) ok(await store.commit(`/short/${n}`, 0, n));
      const [first, second] = (await Promise.all(both)).map(({ ok }) => ok);
      assert.notEqual(first, second, 'one of the two was there first');
      assert.deepEqual((await store.get('/long')).entry?.value, value(first ? 'a' : 'b'));
      assert.deepEqual(
        told.map(([, revision]) => revision),
        Array.from({ length: 4 }, (_, index) => begun + 1 + index),
      );
      assert.deepEqual(told.map(([key]) => key).sort(), ['/long', '/short/0', '/short/1', '/short/2']);
      stop.stop();
    }),
  );
  test(
    'Store answers a conflict with what is there',
    withStore(async (store) => {
      const { entry } = ok(await store.commit('/a', 0, 1));
      assert.deepEqual(await store.commit('/a', 0, 2), { ok: false, actual: entry });
      assert.deepEqual(await store.commit('/a', entry.modified + 1, undefined), { ok: false, actual: entry });
      assert.deepEqual(await store.commit('/b', entry.modified, 2), { ok: false, actual: undefined });
      assert.equal(store.revision, entry.modified);
    }),
  );
  test(
    'Store lets exactly one of many racing writers win',
    withStore(async (store) => {
      const { revision } = ok(await store.commit('/a', 0, 'start'));
      const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => store.commit('/a', revision, n)));
      assert.deepEqual(
        answers.map((answer) => answer.ok),
        answers.map((_, n) => n === 0),
      );
      const { entry } = await store.get('/a');
      for (const answer of answers.slice(1)) assert.deepEqual(answer, { ok: false, actual: entry });
    }),
  );
}

function pendingTests(withStore: With<Store>): void {
  test(
    'Store judges a commit against what is pending, and shows nothing of it to readers before it is durable',
    withStore(async (store) => {
      const start = store.revision;
      const first = store.commit('/a', 0, 1);
      const second = store.commit('/a', start + 1, 2);
      const third = store.commit('/a', start + 2, undefined);
      const fourth = store.commit('/a', 0, 4);
      assert.equal(store.revision, start);
      const { log } = watched(store, '/', start);
      assert.equal(log.length, 0);
      assert.deepEqual(
        (await Promise.all([first, second, third, fourth])).map((answer) => ok(answer).revision - start),
        [1, 2, 3, 4],
      );
      assert.deepEqual(
        log.map(({ type, entry }) => [type, entry.value, entry.modified - start]),
        [
          ['put', 1, 1],
          ['put', 2, 2],
          ['delete', 2, 3],
          ['put', 4, 4],
        ],
      );
    }),
  );
  test(
    'Store shows a commit to readers and watchers before it is answered',
    withStore(async (store) => {
      const { log } = watched(store, '/a', store.revision);
      const { entry } = ok(await store.commit('/a', 0, 1));
      assert.equal(log.length, 1);
      assert.deepEqual((await store.get('/a')).entry, entry);
    }),
  );
}

function listTests(withStore: With<Store>): void {
  test(
    'Store lists a prefix in code-unit order',
    withStore(async (store) => {
      const keys = ['/p/b', '/p/B', '/p/a-1', '/p/a.1', '/p/a/1', '/p/\uffff', '/q', '/o', '/p', '/p/é', '/p/a'];
      await Promise.all(keys.map((key) => store.commit(key, 0, key)));
      const { entries, remaining, revision } = await store.list('/p/');
      const expected = keys.filter((key) => key.startsWith('/p/')).sort();
      assert.deepEqual(
        entries.map((entry) => entry.key),
        expected,
      );
      assert.equal(remaining, 0);
      assert.equal(revision, store.revision);
      assert.equal((await store.list('')).entries.length, keys.length);
      assert.deepEqual(
        (await store.list('/p/\uffff')).entries.map((entry) => entry.key),
        ['/p/\uffff'],
      );
      assert.deepEqual((await store.list('/none/')).entries, []);
    }),
  );
  test(
    'Store lists page by page at one revision while others write',
    withStore(async (store) => {
      const keys = Array.from({ length: 1200 }, (_, n) => `/p/${n}`).sort();
      await Promise.all(keys.map((key) => store.commit(key, 0, key)));
      const at = store.revision;
      const seen: Entry[] = [];
      let after: string | undefined;
      for (let left = keys.length; left > 0; ) {
        const page = await store.list('/p/', { limit: 500, at, ...(after !== undefined && { after }) });
        assert.equal(page.revision, at);
        assert.equal(page.remaining, left - page.entries.length);
        left = page.remaining;
        seen.push(...page.entries);
        after = page.entries.at(-1)?.key;
        const victim = (await store.get(`/p/${seen.length - 1}`)).entry;
        await Promise.all([
          store.commit(`/p/0-new-${seen.length}`, 0, 'new'),
          store.commit(`/p/9-new-${seen.length}`, 0, 'new'),
          store.commit(`/p/${seen.length - 1}`, victim?.modified ?? 0, undefined),
          store.commit('/p/999', (await store.get('/p/999')).entry?.modified ?? 0, 'changed'),
        ]);
      }
      assert.deepEqual(
        seen.map((entry) => entry.value),
        keys,
      );
    }),
  );
  test(
    'Store reads as it was, and refuses a revision to come',
    withStore(async (store) => {
      const { revision: first } = ok(await store.commit('/a', 0, 1));
      const { revision: second } = ok(await store.commit('/a', first, 2));
      ok(await store.commit('/a', second, undefined));
      assert.equal((await store.get('/a', first)).entry?.value, 1);
      assert.equal((await store.get('/a', second)).entry?.value, 2);
      assert.equal((await store.get('/a', first - 1)).entry, undefined);
      assert.deepEqual(
        (await store.list('/', { at: second })).entries.map((entry) => entry.value),
        [2],
      );
      await assert.rejects(store.get('/a', store.revision + 1), Future);
      await assert.rejects(store.list('/', { at: store.revision + 1 }), Future);
    }),
  );
}

function watchTests(withStore: With<Store>): void {
  test(
    'Store watch starts with what history holds and goes on without a gap',
    withStore(async (store) => {
      const start = store.revision;
      await Promise.all(Array.from({ length: 2500 }, (_, n) => store.commit(`/w/${n}`, 0, n)));
      const all = watched(store, '/w/', start);
      const half = watched(store, '/w/', start + 1250);
      const other = watched(store, '/other/', start);
      assert.equal(all.log.length, 2500);
      assert.equal(other.upTo, store.revision);
      await Promise.all(Array.from({ length: 500 }, (_, n) => store.commit(`/w/more-${n}`, 0, n)));
      assert.deepEqual(revisions(all.log), range(start + 1, 3000));
      assert.deepEqual(revisions(half.log), range(start + 1251, 1750));
      assert.deepEqual(other.log, []);
      assert.throws(() => watched(store, '/w/', store.revision + 1), Future);
    }),
  );
  test(
    'Store watch of a prefix sees what starts with it, also when it ends inside a word',
    withStore(async (store) => {
      const start = store.revision;
      const prefixes = ['', '/', '/a', '/a/', '/a/b', '/a/bc', '/a/b/', '/a/b/c', 'x', '/a//', '/a/b/c/d'];
      const watches = prefixes.map((prefix) => watched(store, prefix, start));
      const keys = [
        '/a',
        '/a/b',
        '/a/bc',
        '/a/bcd',
        '/a/b/c',
        '/a/b/cd',
        '/a/c',
        '/b',
        'x',
        'xy/z',
        '/a//b',
        '/a/b/c/d',
      ];
      for (const key of keys) await store.commit(key, 0, key);
      for (const [index, prefix] of prefixes.entries()) {
        const seen = watches[index]?.log.map((change) => change.entry.key);
        assert.deepEqual(
          seen,
          keys.filter((key) => key.startsWith(prefix)),
          `prefix '${prefix}'`,
        );
      }
    }),
  );
  test(
    'Store tells thousands of watchers that saw nothing how far it is, though nobody writes again',
    withStore(async (store) => {
      const reached: Promise<void>[] = [];
      const goal = store.revision + 1;
      for (let n = 0; n < 3000; n++) {
        reached.push(
          new Promise((resolve) => {
            const take: Watcher['take'] = (batch, upTo) => {
              assert.equal(batch.length, 0);
              if (upTo === goal) resolve();
              return 'more';
            };
            store.watch(`/quiet/${n}/`, store.revision, { take, closed: () => {} }, never);
          }),
        );
      }
      await store.commit('/loud', 0, 1);
      await Promise.all(reached);
    }),
  );
}

function watchEndTests(withStore: With<Store>): void {
  test(
    'Store watch ends when it is full, stopped, or the store is closed',
    withStore(async (store) => {
      const full = watched(store, '/', store.revision, { max: 1 });
      const stop = new StopSource();
      const stopped = watched(store, '/', store.revision, { stop });
      const last = watched(store, '/', store.revision);
      await store.commit('/a', 0, 1);
      stop.stop();
      await store.commit('/b', 0, 1);
      assert.deepEqual([full.log.length, full.closed], [1, 'full']);
      assert.deepEqual([stopped.log.length, stopped.closed], [1, undefined]);
      const late = watched(store, '/', store.revision - 2, { max: 1 });
      assert.equal(late.closed, 'full');
      const unanswered = store.commit('/c', 0, 1);
      await store.close();
      assert.equal((await unanswered).ok, true);
      assert.deepEqual([last.log.length, last.closed], [3, 'store closed']);
      await assert.rejects(store.get('/a'));
      await assert.rejects(store.commit('/d', 0, 1));
    }),
  );
  test(
    'Store watchers may commit, watch and stop while they are told',
    withStore(async (store) => {
      const start = store.revision;
      const stop = new StopSource();
      const inner: ReturnType<typeof watched>[] = [];
      const commits: Promise<Commit>[] = [];
      const take: Watcher['take'] = (batch) => {
        if (batch.length === 0) return 'more';
        inner.push(watched(store, '/', start));
        if (commits.length < 3) commits.push(store.commit(`/more-${commits.length}`, 0, 1));
        else stop.stop();
        return 'more';
      };
      store.watch('/', start, { take, closed: () => {} }, stop);
      await store.commit('/a', 0, 1);
      while (!stop.stopped) await commits.at(-1);
      await Promise.all(commits);
      await store.commit('/last', 0, 1);
      assert.equal(inner.length, 4);
      for (const { log } of inner) assert.deepEqual(revisions(log), range(start + 1, 5));
    }),
  );
}

function historyTests(withHome: With<StoreHome>): void {
  test(
    'Store forgets what is compacted, and says so',
    withHome(async (home) => {
      const store = home.open();
      const start = store.revision;
      for (let n = 0; n < 10; n++) await store.commit(`/${n}`, 0, n);
      await store.compact(start + 5);
      assert.throws(() => watched(store, '/', start + 4), Compacted);
      await assert.rejects(store.list('/', { at: start + 4 }), Compacted);
      await assert.rejects(store.get('/1', start + 4), Compacted);
      assert.equal((await store.list('/', { at: start + 5 })).entries.length, 5);
      assert.deepEqual(revisions(watched(store, '/', start + 5).log), range(start + 6, 5));
      await store.compact(start + 3);
      await assert.rejects(store.compact(start + 11), Future);
      await store.compact(start + 10);
      assert.equal((await store.list('/')).entries.length, 10);
      await store.close();
    }),
  );
  test(
    'Store bounds history by count and by bytes',
    withHome(async (home) => {
      const store = home.open({ historyMax: 20, historyBytesMax: 10_000 });
      const start = store.revision;
      for (let n = 0; n < 100; n++) await store.commit(`/${n}`, 0, n);
      assert.throws(() => watched(store, '/', start + 79), Compacted);
      assert.equal(watched(store, '/', start + 80).log.length, 20);
      for (let n = 0; n < 5; n++) await store.commit(`/large-${n}`, 0, 'x'.repeat(4000));
      assert.throws(() => watched(store, '/', store.revision - 3), Compacted);
      assert.equal(watched(store, '/', store.revision - 2).log.length, 2);
      await store.close();
    }),
  );
}

function restartTests(withHome: With<StoreHome>): void {
  test(
    'Store is after a restart what it was before, and watches resume',
    withHome(async (home) => {
      const limits = { historyMax: 1500 };
      let store = home.open(limits);
      const start = store.revision;
      for (let turn = 0; turn < 30; turn++) {
        const work = Array.from({ length: 100 }, async (_, n) => {
          const { entry } = await store.get(`/${n}`);
          await store.commit(`/${n}`, entry?.modified ?? 0, n % 3 === turn % 3 && entry ? undefined : { turn, n });
        });
        await Promise.all(work);
      }
      const { entry: last } = await store.get('/1');
      if (last !== undefined) ok(await store.commit('/1', last.modified, undefined));
      const before = await store.list('/');
      const since = before.revision - 1000;
      const then = await store.list('/', { at: since });
      const changes = watched(store, '/', since).log;
      await store.close();
      store = home.open(limits);
      assert.deepEqual(await store.list('/'), before);
      assert.deepEqual(await store.list('/', { at: since }), then);
      assert.deepEqual(watched(store, '/', since).log, changes);
      await assert.rejects(store.get('/1', start), Compacted);
      await store.compact(store.revision);
      await store.close();
      store = home.open(limits);
      assert.deepEqual(await store.list('/'), before);
      assert.equal(ok(await store.commit('/new', 0, 1)).revision, before.revision + 1);
      await store.close();
    }),
  );
  test(
    'Store never uses a revision again, though only deletions are left to remember it by',
    withHome(async (home) => {
      let store = home.open();
      const { revision } = ok(await store.commit('/a', 0, 1));
      const deleted = ok(await store.commit('/a', revision, undefined));
      await store.compact(deleted.revision);
      await store.close();
      store = home.open();
      assert.equal(store.revision, deleted.revision);
      assert.equal(ok(await store.commit('/a', 0, 1)).revision, deleted.revision + 1);
      await store.close();
    }),
  );
}

function ok(answer: Commit): Extract<Commit, { ok: true }> {
  assert(answer.ok, 'the commit is no conflict');
  return answer;
}

const revisions = (changes: readonly Change[]): readonly Revision[] => changes.map((change) => change.entry.modified);
const range = (start: number, length: number): readonly number[] => Array.from({ length }, (_, n) => start + n);

/** Everything a watch was told. It checks itself that changes and progress only go forward. */
export function watched(
  store: Store,
  prefix: string,
  since: Revision,
  { max = Number.POSITIVE_INFINITY, stop = never }: { readonly max?: number; readonly stop?: Stop } = {},
): { readonly log: Change[]; readonly upTo: Revision; readonly closed: string | undefined } {
  const state = { log: [] as Change[], upTo: since, closed: undefined as string | undefined };
  const take: Watcher['take'] = (batch, upTo) => {
    assert.equal(state.closed, undefined);
    assert(upTo >= state.upTo, 'progress goes forward');
    for (const change of batch) {
      assert(change.entry.modified > state.upTo && change.entry.modified <= upTo, 'changes go forward');
      state.log.push(change);
    }
    state.upTo = upTo;
    return state.log.length >= max ? 'full' : 'more';
  };
  const closed = (reason: string) => {
    state.closed = reason;
  };
  store.watch(prefix, since, { take, closed }, stop);
  return state;
}
