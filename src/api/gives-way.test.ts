import assert from 'node:assert/strict';
import { test } from 'node:test';
import { equalJsonInSteps, type Json, type JsonObject } from '../base/json.ts';
import { longTextsInSteps } from '../base/shared-json.ts';
import { paceOf } from '../base/steps.test-data.ts';
import { finish, isListed, namesIn, type Steps, stepMembersMax } from '../base/steps.ts';
import { filledIn, filledInSteps } from './custom/fill.ts';
import type { JsonSchema } from './custom/json-schema.ts';
import { judgeParts } from './custom/judge-parts.ts';
import { judgeValueInSteps } from './custom/judge-value.ts';
import { prunedInSteps } from './custom/prune.ts';
import { judgeRules } from './custom/rules.ts';
import type { FieldError } from './field-error.ts';
import { configMaps as configMapKind } from './kinds/config-map.ts';
import { type Secret, secrets } from './kinds/secret.ts';
import { validateMeta } from './metadata-rules.ts';
import { compareInSteps } from './patch/compare.ts';
import { emptySet, type FieldSet, readFieldSet } from './patch/field-set.ts';
import {
  differenceInSteps,
  intersectionInSteps,
  inWrittenOrderInSteps,
  unionInSteps,
} from './patch/field-set-in-steps.ts';
import { jsonPatch } from './patch/json.ts';
import { mergePatch } from './patch/merge.ts';
import { structShape } from './patch/shape.ts';
import { strategicPatch } from './patch/strategic.ts';
import { decodeProtobufInSteps } from './protobuf.ts';
import { encodeProtobuf } from './protobuf-encode.ts';
import { decodeJsonInSteps } from './schema/decode-long-json.ts';
import { type ObjectType, schemaOf } from './schema/schema.ts';
import { walk, walkInSteps } from './schema/walker.ts';
import { decodeYamlInSteps } from './yaml/decode.ts';

const count = 10_000;
const data = Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, `v${n}`]));
const configMap = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'x' }, data };
const secret = { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'x' } };
const configMaps = schemaOf({ group: '', version: 'v1', kind: 'ConfigMap' }) as ObjectType;
const pods = schemaOf({ group: '', version: 'v1', kind: 'Pod' }) as ObjectType;
const environment = Array.from({ length: count }, (_, n) => ({ name: `V${n}`, value: 'v' }));
const pod = { spec: { containers: [{ name: 'a', env: environment }] } };
const items = Array.from({ length: count }, (_, n) => ({ name: `n${n}`, size: n }));
const schema: JsonSchema = {
  type: 'object',
  properties: {
    items: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {
        type: 'object',
        properties: { name: { type: 'string', maxLength: 10 }, size: { type: 'integer', minimum: 0 } },
        'x-kubernetes-validations': [{ rule: 'self.size >= 0' }],
      },
    },
  },
};

/** The result of work that never deals with much more than one step's members before it gives way. */
function givesWay<T>(part: string, steps: Steps<T>): T {
  const { result, longest, members } = paceOf(steps);
  assert.ok(longest <= 2 * stepMembersMax, `${part}: ${longest} members were dealt with in one step`);
  // What is left behind the last time is not told.
  assert.ok(members > count - stepMembersMax, `${part}: gave way for ${members} members of ${count}`);
  return result;
}

test('Whatever reads a long object gives way all along', () => {
  const yaml = `data:\n${Object.entries(data)
    .map(([name, value]) => `  ${name}: ${value}\n`)
    .join('')}`;
  assert.deepEqual(givesWay('YAML', decodeYamlInSteps(yaml)).value, { data });
  assert.deepEqual(givesWay('flow', decodeYamlInSteps(JSON.stringify(configMap, null, 1))).value, configMap);
  const sent = encodeProtobuf(configMap as unknown as JsonObject);
  assert.deepEqual(givesWay('protobuf', decodeProtobufInSteps(sent)).value, configMap);
  const revision = { kind: 'ControllerRevision', apiVersion: 'apps/v1', data: { items } } as unknown as JsonObject;
  const inside = givesWay('JSON in protobuf', decodeProtobufInSteps(encodeProtobuf(revision)));
  assert.deepEqual(inside.value['data'], { items });
  const long = encodeProtobuf({ kind: 'Pod', apiVersion: 'v1', ...pod } as unknown as JsonObject);
  const read = givesWay('a list in protobuf', decodeProtobufInSteps(long)).value as unknown as typeof pod;
  assert.equal(read.spec.containers[0]?.env.length, count);
});

test('A long object of texts is taken as it is: a second one would take as much again', () => {
  assert.equal(finish(walkInSteps(configMaps, configMap)).value['data'], data);
});

test('Whatever checks a long object gives way all along, and finds what is found at once', () => {
  const odd = { ...configMap, extra: 1, data: { ...data, k7: 7 } };
  assert.deepEqual(givesWay('map', walkInSteps(configMaps, odd)), walk(configMaps, odd));
  assert.deepEqual(givesWay('list', walkInSteps(pods, pod)), walk(pods, pod));
  const unknown = Object.fromEntries(Array.from({ length: count }, (_, n) => [`u${n}`, n]));
  assert.deepEqual(givesWay('unknown fields', walkInSteps(configMaps, unknown)), walk(configMaps, unknown));
  const labels = Object.fromEntries(Array.from({ length: count }, (_, n) => [`l${n}`, n === 9 ? '-' : 'v']));
  // None of them is long, all of them are.
  const annotations = Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, 'v'.repeat(32)]));
  const meta = { name: 'x', labels, annotations } as unknown as Parameters<typeof validateMeta>[0];
  const change = { asked: meta, previous: undefined };
  const errors = givesWay('labels', validateMeta(meta, change, { namespaced: false, rules: {} }));
  assert.deepEqual(
    errors.map(({ path }) => path),
    ['metadata.labels', 'metadata.annotations'],
  );
  const finalizers = Array.from({ length: count }, (_, n) => `example.com/${n}`);
  const held = { name: 'x', finalizers: [...finalizers, 'odd'] } as unknown as typeof meta;
  const before = { name: 'x', finalizers } as unknown as typeof meta;
  const added = givesWay(
    'finalizers',
    validateMeta(held, { asked: held, previous: before }, { namespaced: false, rules: {} }),
  );
  assert.deepEqual(
    added.map(({ path }) => path),
    [`metadata.finalizers[${count}]`],
  );
});

test('Whatever patches a long object gives way all along', () => {
  const merged = givesWay(
    'merge',
    mergePatch({ data: { other: '1' } }, { data: { ...data, other: null } }),
  ) as JsonObject;
  assert.deepEqual(merged.data, data);
  const strategic = givesWay(
    'strategic merge',
    strategicPatch(pods, pod as unknown as Json, pod as unknown as JsonObject),
  );
  assert.deepEqual(strategic, pod);
  const operations = Object.entries(data).map(([name, value]) => ({ op: 'add', path: `/data/${name}`, value }));
  assert.deepEqual(givesWay('JSON patch', jsonPatch({ data: {} }, operations)), { data });
  const copying = [
    { op: 'test', path: '/data', value: { ...data } },
    { op: 'copy', from: '/data', path: '/more' },
    { op: 'add', path: '/more/k0', value: 'other' },
  ];
  const copied = givesWay('a copy', jsonPatch({ data }, copying as unknown as Json));
  assert.deepEqual(copied, { data, more: { ...data, k0: 'other' } });
  const finalizers = Object.keys(data);
  const removal = { metadata: { '$deleteFromPrimitiveList/finalizers': finalizers.slice(1) } };
  const left = givesWay('removal', strategicPatch(pods, { metadata: { finalizers } }, removal));
  assert.deepEqual(left, { metadata: { finalizers: ['k0'] } });
});

test('Whatever judges a long custom object by its schema gives way all along', () => {
  const value = { items, more: 1 } as unknown as Json;
  assert.deepEqual(givesWay('prune', prunedInSteps(schema, value, 'spec')), {
    value: { items },
    unknown: ['spec.more'],
  });
  assert.deepEqual(givesWay('values', judgeValueInSteps(schema, value, '', undefined)), []);
  const twice = { items: [...items, items[0]] } as unknown as Json;
  assert.equal(givesWay('list types', judgeParts(schema, twice)).length, 1);
  const wrong = { items: [...items, { name: 'x', size: -1 }] } as unknown as Json;
  assert.equal(givesWay('rules', judgeRules(schema, wrong, undefined)).length, 1);
});

test('What is as deep as it may be is counted on each level, and gives way for that, too', () => {
  const levels = 900;
  const deep = (inmost: Json): JsonObject => {
    let value: Json = inmost;
    for (let level = 0; level < levels; level++) value = { a: value };
    return value as JsonObject;
  };
  const set = deep({}) as unknown as FieldSet;
  const works: Readonly<Record<string, Steps<unknown>>> = {
    order: inWrittenOrderInSteps(set),
    union: unionInSteps(set, deep({ b: {} }) as unknown as FieldSet),
    text: longTextsInSteps({ spec: deep(1) }),
    comparison: equalJsonInSteps(deep(1), deep(1)),
  };
  for (const [part, steps] of Object.entries(works)) {
    const { length } = [...steps];
    assert.ok(length >= levels - stepMembersMax, `${part} gave way ${length} times`);
  }
});

test('Whatever judges a long configuration or secret gives way all along', () => {
  const meta = { name: 'x', namespace: 'x', uid: 'x', creationTimestamp: 'x' };
  const whole = { apiVersion: 'v1', kind: 'X', metadata: meta, immutable: true, data };
  const told = (part: string, rules: typeof configMapKind.rules, next: object, previous?: object) =>
    givesWay(part, rules.validateInSteps?.(next as never, previous as never) as Steps<readonly FieldError[]>).map(
      ({ path, type }) => `${path} ${type}`,
    );
  const odd = { ...data, '..': 'v' };
  for (const { rules } of [configMapKind, secrets] as (typeof configMapKind)[]) {
    assert.deepEqual(told('data', rules, { ...whole, data: odd }), ['data[..] Invalid']);
    const changed = { ...whole, data: { ...data, k9999: 'new' } };
    assert.deepEqual(told('changed data', rules, changed, whole), ['data Forbidden']);
  }
  const both = { ...whole, data: { k7: 'v' }, binaryData: odd };
  assert.deepEqual(told('bytes', configMapKind.rules, both), ['data[k7] Invalid', 'binaryData[..] Invalid']);
});

test('Whatever fills in what a long object leaves out gives way all along, and fills in what is filled in at once', () => {
  const item: JsonSchema = {
    type: 'object',
    properties: {
      name: { type: 'string' },
      free: { type: 'object', properties: { n: { type: 'number', default: 7 } } },
    },
    additionalProperties: { type: 'string' },
  };
  const whole: JsonSchema = {
    type: 'object',
    properties: {
      items: { type: 'array', items: item },
      map: { type: 'object', properties: { k9: { default: 'filled' } }, additionalProperties: { type: 'string' } },
      many: { type: 'object', additionalProperties: item },
      open: { type: 'array' },
    },
  };
  const many = Object.fromEntries(items.map((one, index) => [`k${index}`, { name: one.name }]));
  const { k9: _k9, ...rest } = data;
  const long: readonly JsonObject[] = [
    { items },
    { items: [...items, { name: 'x', free: {} }, { name: null }] },
    { map: data },
    { map: { ...data, k5000: null } },
    { map: rest },
    { map: { ...rest, k5000: null, '7': null } },
    { many },
    { many: { ...many, k5000: { free: {} } } },
    { open: items },
  ] as unknown as readonly JsonObject[];
  for (const [index, value] of long.entries()) {
    const atOnce = filledIn(whole, value);
    const name = `case ${index}`;
    const filled = value['open'] ? finish(filledInSteps(whole, value)) : givesWay(name, filledInSteps(whole, value));
    assert.equal(JSON.stringify(filled), JSON.stringify(atOnce), name);
    assert.equal(filled === value, atOnce === value, name);
  }
  const given = { ...secret, data: { ...data, '7': 'v', k1: 'old' }, stringData: { ...data, __proto__: 'v' } };
  const made = givesWay('secret', secrets.rules.defaultsInSteps?.(given as never) as Steps<Secret>);
  assert.deepEqual(made, secrets.rules.defaults?.(given as never));
  assert.equal(made.data?.['k1'], btoa('v1'));
});

/** What makes long objects, of one with these names. */
function* madeOf(names: readonly string[]): Generator<readonly [string, object]> {
  const text = `{"data":{${names.map((name) => `${JSON.stringify(name)}:"a value of some letters"`).join(',')}}}`;
  const read = finish(decodeJsonInSteps(text)).value as { readonly data: JsonObject };
  yield ['JSON', read.data];
  const lines = names.map((name) => `  ${JSON.stringify(name)}: v\n`).join('');
  yield ['YAML', (finish(decodeYamlInSteps(`data:\n${lines}`)).value as typeof read).data];
  const sent = encodeProtobuf({ ...configMap, ...read } as unknown as JsonObject);
  yield ['protobuf', finish(decodeProtobufInSteps(sent)).value['data'] as JsonObject];
  yield ['map', finish(walkInSteps(configMaps, read)).value.data as JsonObject];
  const open: JsonSchema = { type: 'object', additionalProperties: { type: 'string' } };
  yield ['pruned', finish(prunedInSteps(open, read.data, 'data')).value as JsonObject];
  yield ['merged', (finish(mergePatch({}, read as unknown as Json)) as typeof read).data];
  yield* setsOf(read, names);
}

function* setsOf(read: { readonly data: JsonObject }, names: readonly string[]): Generator<readonly [string, object]> {
  const paths = finish(compareInSteps(structShape(configMaps), {}, read, new Set()))?.added['f:data'] as FieldSet;
  yield ['paths', paths];
  const changed = Object.fromEntries(names.map((name) => [name, 'other']));
  const both = finish(compareInSteps(structShape(configMaps), { ...read }, { data: changed }, new Set()));
  yield ['changed paths', both?.modified['f:data'] as FieldSet];
  const half = Object.fromEntries(names.filter((_, index) => index % 2 === 0).map((name) => [`f:${name}`, {}]));
  const rest = finish(differenceInSteps(paths, half));
  yield ['difference', rest];
  yield ['intersection', finish(intersectionInSteps(paths, half))];
  yield ['union', finish(unionInSteps(rest, half))];
  yield ['all', finish(unionInSteps(emptySet, paths))];
  yield ['ordered', finish(inWrittenOrderInSteps(paths))];
  yield ['sent', finish(readFieldSet(paths)) as FieldSet];
}

test('What is made in steps knows its names as the platform would list them', () => {
  const names = Array.from({ length: 2_000 }, (_, index) => `k${(index * 769) % 2_000}`);
  for (const [part, made] of madeOf([...names, '__proto__', 'k1'])) {
    assert.ok(isListed(made), `${part}: the names are to be listed again`);
    assert.deepEqual(namesIn(made), Object.keys(made), part);
  }
  const numbers = names.map((name) => name.slice(1));
  for (const odd of [numbers, [...names, ...numbers], [...numbers, ...names], [...names, '7', 'last']]) {
    for (const [part, made] of madeOf(odd)) assert.deepEqual(namesIn(made), Object.keys(made), part);
  }
});
