import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Random } from '../../base/env.ts';
import { equalJson, equalJsonInSteps, type JsonObject } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { paceOf } from '../../base/steps.test-data.ts';
import { finish, type Steps, stepMembersMax } from '../../base/steps.ts';
import type { KubeObject } from '../object.ts';
import { schemaOf } from '../schema/schema.ts';
import { walk } from '../schema/walker.ts';
import { serverSideApply } from './apply.ts';
import { compare, compareInSteps } from './compare.ts';
import { difference, type FieldSet, intersection, inWrittenOrder, union } from './field-set.ts';
import { differenceInSteps, intersectionInSteps, inWrittenOrderInSteps, unionInSteps } from './field-set-in-steps.ts';
import { type Followed, managedAfterUpdate } from './managed-fields.ts';
import { RecentSets } from './recent-sets.ts';
import { structShape } from './shape.ts';

const rounds = 20;
const kind = { group: 'apps', version: 'v1', kind: 'Deployment' };
const type = schemaOf(kind);
assert.ok(type);
const shape = structShape(type);
const empty = { metadata: {}, ...walk(type, null).value };
const nothing: ReadonlySet<string> = new Set();

/** Long in some places and short in others; two of one random source are alike in parts. */
function deployment(random: Random): JsonObject {
  const count = (max: number) => random.below(3) * random.below(max);
  const some = (max: number) => Array.from({ length: count(max) }, (_, n) => n * (1 + random.below(2)));
  const env = (max: number) =>
    some(max).map((n) => ({ name: `V${random.below(40) === 0 ? 0 : n}`, value: `${random.below(3)}` }));
  const containers = some(4).map((n) => ({ name: `c${n}`, image: `${random.below(2)}`, env: env(900), args: ['a'] }));
  const annotations = Object.fromEntries(some(1_500).map((n) => [`a${n}`, `${random.below(2)}`]));
  return {
    metadata: { name: 'x', ...(random.below(4) > 0 ? { annotations } : {}) },
    spec: { replicas: random.below(3), template: { spec: { containers } } },
  };
}

test('Owners of long objects are found in steps as they are at once', () => {
  for (let seed = 0; seed < rounds; seed++) {
    const random = seeded(`${seed}`);
    const [one, other] = [deployment(random), deployment(random)];
    const changes = compare(shape, one, other, nothing);
    assert.deepEqual(finish(compareInSteps(shape, one, other, nothing)), changes);
    assert.equal(finish(equalJsonInSteps(one, structuredClone(one))), true);
    assert.equal(finish(equalJsonInSteps(one, other)), equalJson(one, other));
    const [a, b] = [one, other].map((object) => compare(shape, empty, object, nothing)?.added) as [FieldSet, FieldSet];
    for (const set of changes ? [a, changes.modified, changes.removed] : [a]) {
      assert.deepEqual(finish(differenceInSteps(b, set)), difference(b, set));
      assert.deepEqual(finish(unionInSteps(b, set)), union(b, set));
      assert.deepEqual(finish(intersectionInSteps(b, set)), intersection(b, set));
      const text = JSON.stringify(inWrittenOrder(set));
      assert.equal(JSON.stringify(finish(inWrittenOrderInSteps(set))), text);
    }
  }
});

test('A set of paths that nothing is taken from and nothing added to stays the very same', () => {
  const set = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`f:${n}`, {}]));
  assert.equal(finish(differenceInSteps(set, { 'f:no': {} })), set);
  assert.equal(finish(unionInSteps(set, { 'f:1': {} })), set);
  assert.equal(finish(inWrittenOrderInSteps({ 'f:a': {} }))['f:a'] !== undefined, true);
});

const apiVersion = 'v1';
const configMaps = schemaOf({ group: '', version: 'v1', kind: 'ConfigMap' });
assert.ok(configMaps);
const followed: Followed = {
  apiVersion,
  kind: 'ConfigMap',
  shape: structShape(configMaps),
  empty: { ...walk(configMaps, null).value, apiVersion, kind: 'ConfigMap' },
  subresource: '',
  ignored: nothing,
  reset: [],
  recent: new RecentSets(),
  versioned: () => undefined,
};
const time = '2026-01-01T00:00:00Z';
const fields = 10_000;
const long = (value: string) =>
  ({
    apiVersion,
    kind: 'ConfigMap',
    metadata: { name: 'x' },
    data: Object.fromEntries(Array.from({ length: fields }, (_, n) => [`k${n}`, value])),
  }) as unknown as KubeObject;

/** Gives way all along: never more than about one step's members at a time, and all of them in the end. */
function givesWay<T>(steps: Steps<T>): T {
  const { result, longest, members } = paceOf(steps);
  assert.ok(longest <= 2 * stepMembersMax, `${longest} members were dealt with in one step`);
  assert.ok(members >= fields, `${members} members were told, of ${fields}`);
  return result;
}

test('An update of ten thousand fields gives way while their owners are found', () => {
  const made = givesWay(managedAfterUpdate(followed, undefined, long('a'), { manager: 'm', time }));
  const live = long('a');
  const kept = { ...live, metadata: { ...live.metadata, managedFields: made } } as KubeObject;
  const next = { ...long('b'), metadata: kept.metadata };
  const owners = givesWay(managedAfterUpdate(followed, kept, next, { manager: 'other', time }));
  assert.deepEqual(
    owners?.map(({ manager }) => manager),
    ['m', 'other'],
  );
});

test('A long object is not compared with the last ones of its kind to find one that is owned alike', () => {
  const owned = (object: KubeObject) =>
    finish(managedAfterUpdate(followed, undefined, object, { manager: 'alike', time }));
  const short = { ...long('a'), data: { k: 'v' } } as unknown as KubeObject;
  assert.equal(owned({ ...short }), owned({ ...short }), 'a short one is');
  const letters = { ...long('a'), data: { k: 'v'.repeat(1_000_000) } } as unknown as KubeObject;
  const [first, second] = [owned({ ...letters }), owned({ ...letters })];
  assert.deepEqual(first, second);
  assert.notEqual(first, second);
});

test('An apply of ten thousand fields gives way, the first, the same again, and one that drops some', () => {
  const config = (value: string) => long(value) as unknown as JsonObject;
  const apply = { manager: 'm', time, force: false };
  const first = givesWay(serverSideApply(followed, undefined, config('a'), apply));
  const metadata = { name: 'x', managedFields: first.managedFields };
  const live = { ...first.object, metadata } as unknown as KubeObject;
  givesWay(serverSideApply(followed, live, config('a'), apply));
  const { k0: _dropped, ...data } = (long('b') as unknown as { data: JsonObject }).data;
  const { object } = givesWay(serverSideApply(followed, live, { ...config('b'), data }, apply));
  assert.equal(Object.keys(object.data as object).length, fields - 1);
  const conflicting = () => givesWay(serverSideApply(followed, live, config('c'), { ...apply, manager: 'n' }));
  assert.throws(conflicting, /Apply failed with 10000 conflicts/);
});
