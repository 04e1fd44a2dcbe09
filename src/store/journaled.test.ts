import assert from 'node:assert/strict';
import { test } from 'node:test';
import { never } from '../base/stop.ts';
import { MemoryStore } from './memory.ts';
import type { Change, Revision } from './store.ts';

const long = 'x'.repeat(20_000);
const many = 300;

/** A store whose turns are taken one by one, and what each of its watchers was told. */
function watched() {
  const turns: (() => void)[] = [];
  const store = new MemoryStore({ schedule: (run) => void turns.push(run) });
  const seen: [readonly string[], Revision][][] = [];
  const watch = (since: Revision = store.revision) => {
    const own: [readonly string[], Revision][] = [];
    seen.push(own);
    const take = (batch: readonly Change[], upTo: Revision) => {
      own.push([batch.map(({ entry }) => entry.key), upTo]);
      return 'more' as const;
    };
    store.watch('/a/', since, { take, closed: () => {} }, never);
    return own;
  };
  const turn = async () => {
    for (const run of turns.splice(0)) run();
    await new Promise(setImmediate);
  };
  const told = (key: string) => seen.filter((own) => own.some(([keys]) => keys.includes(key))).length;
  return { store, watch, turn, turns, told, seen };
}

test('a change that many watch is told a slice at a time, and whoever made it is answered after the last', async () => {
  const { store, watch, turn, told } = watched();
  for (let n = 0; n < many; n++) watch();
  let isAnswered = false;
  const commit = store.commit('/a/1', 0, long).then(() => {
    isAnswered = true;
  });
  await turn();
  const counts: number[] = [];
  for (; !isAnswered; await turn()) counts.push(told('/a/1'));
  await commit;
  assert.ok(counts.length > 2 && (counts[0] as number) < many / 2, `told ${counts.join(', ')}`);
  assert.equal(counts.at(-1), many);
  assert.equal((await store.get('/a/1')).entry?.value, long);
});

test('everybody hears every change once and in order, whoever comes or commits in the middle', async () => {
  const { store, watch, turn, turns, seen } = watched();
  for (let n = 0; n < many; n++) watch();
  const since = store.revision;
  void store.commit('/a/1', 0, long);
  await turn();
  // In the middle of the telling: one that sees the change in history, one that does not, and more changes.
  const late = watch(since);
  const now = watch();
  void store.commit('/a/2', 0, long);
  void store.commit('/b/1', 0, 1);
  while (turns.length > 0) await turn();
  for (const own of seen) {
    const revisions = own.map(([, upTo]) => upTo);
    assert.deepEqual(
      revisions,
      [...revisions].sort((a, b) => a - b),
    );
    const keys = own.flatMap(([batch]) => batch);
    assert.deepEqual(keys, own === now ? ['/a/2'] : ['/a/1', '/a/2']);
    assert.equal(revisions.at(-1), store.revision);
  }
  assert.ok(late.length > 0);
});

test('a small change is answered before many are told, and what is committed meanwhile is told together', async () => {
  const { store, watch, turn, turns, told, seen } = watched();
  for (let n = 0; n < many; n++) watch();
  const answered: string[] = [];
  const commit = (key: string) => void store.commit(key, 0, 1).then(() => answered.push(key));
  commit('/a/1');
  await turn();
  assert.deepEqual([answered, told('/a/1')], [['/a/1'], 0]);
  await turn();
  assert.equal(told('/a/1'), many);
  // The pass is not over: what comes now is due in the next one, and whoever joins between has the half of it.
  commit('/a/2');
  await turn();
  const between = watch();
  commit('/a/3');
  while (turns.length > 0) await turn();
  assert.deepEqual(answered, ['/a/1', '/a/2', '/a/3']);
  for (const own of seen.slice(0, many))
    assert.deepEqual(
      own.flatMap(([keys]) => keys),
      ['/a/1', '/a/2', '/a/3'],
    );
  assert.deepEqual(
    between.flatMap(([keys]) => keys),
    ['/a/3'],
  );
});

test('writers do not run away from watchers: who commits more than can be told in a moment waits for its turn', async () => {
  const { store, watch, turn, turns, told } = watched();
  for (let n = 0; n < many; n++) watch();
  const answered: string[] = [];
  const commit = (key: string) => void store.commit(key, 0, long).then(() => answered.push(key));
  commit('/a/1');
  await turn();
  commit('/a/2');
  await turn();
  assert.equal(answered.length, 0);
  for (; !answered.includes('/a/1'); await turn()) assert.ok(turns.length > 0);
  assert.deepEqual([told('/a/1'), answered], [many, ['/a/1']]);
  while (turns.length > 0) await turn();
  assert.deepEqual([told('/a/2'), answered], [many, ['/a/1', '/a/2']]);
});

test('a store that is closed in the middle of the telling tells and answers to the end', async () => {
  const { store, watch, turn, told } = watched();
  for (let n = 0; n < many; n++) watch();
  const first = store.commit('/a/1', 0, long);
  await turn();
  const second = store.commit('/a/2', 0, long);
  await store.close();
  assert.deepEqual([(await first).ok, (await second).ok], [true, true]);
  assert.deepEqual([told('/a/1'), told('/a/2')], [many, many]);
});
