import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonSchema } from './json-schema.ts';
import { correlatedItem } from './judge-value.ts';

const schema: JsonSchema = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['name', 'port'],
};

test('An item of a keyed list is what the first item with the same keys was before', () => {
  const before = [{ name: 'a', port: 1, size: 1 }, 'odd', { name: 'a' }, { name: 'a', port: 1, size: 2 }];
  assert.equal(correlatedItem(schema, { port: 1, name: 'a', size: 3 }, before), before[0]);
  assert.equal(correlatedItem(schema, { name: 'a', port: null }, before), before[2]);
  assert.equal(correlatedItem(schema, { name: 'b' }, before), undefined);
  assert.equal(correlatedItem(schema, 'odd', before), undefined);
});

test('A long list that was there before is looked through once, not once for every item', () => {
  let looks = 0;
  const size = 500;
  const seen = (name: string) => ({
    get name() {
      looks++;
      return name;
    },
  });
  const before = Array.from({ length: size }, (_, n) => seen(`item-${n}`));
  for (let n = 0; n < size; n++) assert.equal(correlatedItem(schema, { name: `item-${n}` }, before), before[n]);
  assert.equal(looks, size);
});
