import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../base/json.ts';
import { finish } from '../base/steps.ts';
import { ApiError } from './error.ts';
import { namesMax } from './names-seen.ts';
import { decodeProtobufInSteps } from './protobuf.ts';
import { encodeProtobuf } from './protobuf-encode.ts';
import { decodeJsonInSteps } from './schema/decode-long-json.ts';
import { decodeYamlInSteps } from './yaml/decode.ts';

const nameOf = (n: number) => `k${n}`;
const named = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [nameOf(n), '']));
const revision = (data: JsonObject) =>
  encodeProtobuf({ kind: 'ControllerRevision', apiVersion: 'apps/v1', data } as unknown as JsonObject);
const configMap = (data: JsonObject) =>
  encodeProtobuf({ kind: 'ConfigMap', apiVersion: 'v1', data } as unknown as JsonObject);
const inLists = (count: number) => {
  const lists = Array.from({ length: count / 100 }, (_, list) => [
    Object.fromEntries(Array.from({ length: 100 }, (_, n) => [nameOf(list * 100 + n), 0])),
  ]);
  return JSON.stringify(lists);
};

const readers: Readonly<Record<string, (count: number) => unknown>> = {
  JSON: (count) => finish(decodeJsonInSteps(JSON.stringify(named(count)))),
  'JSON in lists': (count) => finish(decodeJsonInSteps(inLists(count))),
  YAML: (count) => finish(decodeYamlInSteps(Array.from({ length: count }, (_, n) => `${nameOf(n)}: v\n`).join(''))),
  'YAML in braces': (count) =>
    finish(decodeYamlInSteps(`{${Array.from({ length: count }, (_, n) => nameOf(n)).join(',')}}`)),
  protobuf: (count) => finish(decodeProtobufInSteps(configMap(named(count)))),
  'JSON in protobuf': (count) => finish(decodeProtobufInSteps(revision(named(count)))),
};

for (const [form, read] of Object.entries(readers)) {
  test(`A body in ${form} with more different names than a body may have is refused, whatever it is`, () => {
    const isRefused = (error: unknown) =>
      error instanceof ApiError && error.code === 413 && error.message.includes(`limit is ${namesMax} different names`);
    assert.throws(() => read(namesMax + 100), isRefused);
  });
}

test('As many names as a body may have are read, and the same ones as often as it has room for them', () => {
  readers['JSON']?.(namesMax);
  const items = Array.from({ length: 200_000 }, () => ({ a: 1, b: 2 }));
  assert.deepEqual(finish(decodeJsonInSteps(JSON.stringify(items))).value, items);
});
