import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Random } from '../../base/env.ts';
import { seeded } from '../../base/random.ts';
import { finish } from '../../base/steps.ts';
import {
  difference,
  emptySet,
  type FieldSet,
  intersection,
  inWrittenOrder,
  pathTexts,
  readFieldSet,
  union,
} from './field-set.ts';

const rounds = 300;

/** A set of some random paths, in the form that is stored. */
function randomSet(random: Random): FieldSet {
  const elements = ['f:a', 'f:b', 'k:{"name":"x"}', 'v:1', 'i:0'];
  let set = emptySet;
  for (let path = random.below(6); path > 0; path--) {
    let node: FieldSet = {};
    for (let depth = 1 + random.below(3); depth > 0; depth--) {
      node = { [elements[random.below(elements.length)] as string]: node };
    }
    set = union(set, node);
  }
  return set;
}

const sorted = (set: FieldSet) => [...finish(pathTexts(set))].sort();

test('A field set survives being sent and read again', () => {
  const random = seeded('round trip');
  for (let round = 0; round < rounds; round++) {
    const set = randomSet(random);
    assert.deepEqual(finish(readFieldSet(JSON.parse(JSON.stringify(set)))), set);
  }
});

test('Union, intersection and difference of field sets are those of their paths', () => {
  const random = seeded('laws');
  for (let round = 0; round < rounds; round++) {
    const [a, b] = [randomSet(random), randomSet(random)];
    const [left, right] = [sorted(a), new Set(sorted(b))];
    assert.deepEqual(sorted(union(a, b)), [...new Set([...left, ...right])].sort());
    assert.deepEqual(
      sorted(intersection(a, b)),
      left.filter((path) => right.has(path)),
    );
    assert.deepEqual(
      sorted(difference(a, b)),
      left.filter((path) => !right.has(path)),
    );
  }
});

test('An operation on field sets that changes nothing answers the same set', () => {
  const set: FieldSet = { 'f:a': { '.': {}, 'f:b': {} } };
  assert.equal(difference(set, { 'f:a': { 'f:c': {} } }), set);
  assert.equal(union(set, { 'f:a': { '.': {}, 'f:b': {} } }), set);
});

test('A field set tells its paths as messages name them, what is shallow first', () => {
  const set = {
    'f:spec': { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } }, 'f:type': {} },
  };
  assert.deepEqual(finish(pathTexts(set)), [
    '.spec.type',
    '.spec.ports[port=80,protocol="TCP"]',
    '.spec.ports[port=80,protocol="TCP"].port',
  ]);
  assert.deepEqual(finish(pathTexts({ 'f:metadata': { 'f:finalizers': { 'v:"a/b"': {} } } })), [
    '.metadata.finalizers[="a/b"]',
  ]);
});

test('A field set that is sent is read into canonical form, and refused where an element is broken', () => {
  assert.deepEqual(finish(readFieldSet({ 'k:{"b":1,"a":2}': {} })), { 'k:{"a":2,"b":1}': {} });
  assert.equal(finish(readFieldSet({ 'k:{"b"': {} })), undefined);
  assert.equal(finish(readFieldSet({ name: {} })), undefined);
  assert.equal(finish(readFieldSet('f:name')), undefined);
});

test('inWrittenOrder has the element itself first, then the others by name, and leaves what is in order', () => {
  const set = { 'f:b': {}, 'f:a': { 'k:{"name":"x"}': { 'f:z': {}, '.': {}, 'f:c': {} } } };
  const text = '{"f:a":{"k:{\\"name\\":\\"x\\"}":{".":{},"f:c":{},"f:z":{}}},"f:b":{}}';
  assert.equal(JSON.stringify(inWrittenOrder(set)), text);
  const ordered = inWrittenOrder(set);
  assert.equal(inWrittenOrder(ordered), ordered);
});
