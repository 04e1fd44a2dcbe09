import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../base/json.ts';
import { Likeness } from './likeness.ts';

const entry = (key: string, value: Json) => ({ key, value, created: 1, modified: 1 });
const fresh = { bytes: 2_000, previous: undefined };
const containers = Array.from({ length: 30 }, () => ({ image: 'web' }));
const made = (name: string) => ({ name, spec: { containers: structuredClone(containers) } });

test('Likeness holds once what a value has in common with its last state and with those of the same stem', () => {
  const likeness = new Likeness();
  const first = made('web-a');
  likeness.remember(entry('/pods/web-a', first), 2_000);
  const second = likeness.fitted('/pods/web-b', made('web-b'), fresh) as typeof first;
  assert.equal(second.spec, first.spec);
  const other = likeness.fitted('/pods/db-b', made('db-b'), fresh) as typeof first;
  assert.notEqual(other.spec, first.spec);
  assert.equal(
    (likeness.fitted('/pods/db-b', made('db-c'), { bytes: 2_000, previous: other }) as typeof first).spec,
    other.spec,
  );
});

test('Likeness keeps neither long values nor many', () => {
  const likeness = new Likeness();
  likeness.remember(entry('/maps/long-a', made('a')), 10_000_000);
  const first = made('b');
  likeness.remember(entry('/maps/early-b', first), 2_000);
  const spec = (key: string) => (likeness.fitted(key, made('x'), fresh) as typeof first).spec;
  assert.equal(spec('/maps/early-x'), first.spec);
  for (let n = 0; n < 300; n++) likeness.remember(entry(`/maps/${n}-b`, made('c')), 2_000);
  assert.notEqual(spec('/maps/early-x'), first.spec);
});

test('Likeness compares a short value with its own last state alone', () => {
  const likeness = new Likeness();
  const short = (name: string) => ({ name, data: { key: 'value' } });
  const first = short('a');
  likeness.remember(entry('/maps/a', first), 2_000);
  assert.notEqual(
    (likeness.fitted('/maps/b', short('b'), { bytes: 100, previous: undefined }) as typeof first).data,
    first.data,
  );
  assert.equal(
    (likeness.fitted('/maps/a', short('c'), { bytes: 100, previous: first }) as typeof first).data,
    first.data,
  );
});
