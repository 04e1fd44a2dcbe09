import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../base/json.ts';
import { Likeness } from './likeness.ts';

const entry = (key: string, value: Json) => ({ key, value, created: 1, modified: 1 });
const containers = Array.from({ length: 30 }, () => ({ image: 'web' }));
const made = (name: string) => ({ name, spec: { containers: structuredClone(containers) } });

test('Likeness holds once what a value has in common with its last state and with those of the same stem', () => {
  const likeness = new Likeness();
  const first = made('web-a');
  likeness.remember(entry('/pods/web-a', first), 100);
  const second = likeness.fitted('/pods/web-b', made('web-b'), undefined) as typeof first;
  assert.equal(second.spec, first.spec);
  const other = likeness.fitted('/pods/db-b', made('db-b'), undefined) as typeof first;
  assert.notEqual(other.spec, first.spec);
  assert.equal((likeness.fitted('/pods/db-b', made('db-c'), other) as typeof first).spec, other.spec);
});

test('Likeness keeps neither long values nor many', () => {
  const likeness = new Likeness();
  likeness.remember(entry('/maps/long-a', made('a')), 10_000_000);
  const first = made('b');
  likeness.remember(entry('/maps/early-b', first), 100);
  const spec = (key: string) => (likeness.fitted(key, made('x'), undefined) as typeof first).spec;
  assert.equal(spec('/maps/early-x'), first.spec);
  for (let n = 0; n < 300; n++) likeness.remember(entry(`/maps/${n}-b`, made('c')), 100);
  assert.notEqual(spec('/maps/early-x'), first.spec);
});

test('Likeness compares a short value with its own last state alone', () => {
  const likeness = new Likeness();
  const short = (name: string) => ({ name, data: { key: 'value' } });
  const first = short('a');
  likeness.remember(entry('/maps/a', first), 100);
  assert.notEqual((likeness.fitted('/maps/b', short('b'), undefined) as typeof first).data, first.data);
  assert.equal((likeness.fitted('/maps/a', short('c'), first) as typeof first).data, first.data);
});
