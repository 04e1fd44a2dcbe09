import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../api/error.ts';
import { builtInKinds } from '../api/kinds/all.ts';
import { decodeProtobuf } from '../api/protobuf.ts';
import { encodeProtobuf } from '../api/protobuf-encode.ts';
import { type ApiRequest, type ApiResponse, type Method, protobufType, yamlType } from '../api/wire.ts';
import { decodeYaml } from '../api/yaml/decode.ts';
import { decodeText, encodeText, type Json, type JsonObject } from '../base/json.ts';
import { seeded } from '../base/random.ts';
import { never } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import { bootstrap } from '../machinery/bootstrap.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { decodeObject } from './decode.ts';
import { negotiate } from './negotiate.ts';
import { ApiServer } from './server.ts';

const admin = { name: 'admin', groups: ['system:masters'], extra: {} };
const maps = '/api/v1/namespaces/default/configmaps';

/** A server with two config maps, asked in bytes. */
async function world() {
  const env = simEnv({ clock: new SimClock(), random: seeded('wire') });
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: '127.0.0.1:6443' });
  await bootstrap(new Client(server.handle, admin), {
    serviceRange: '10.96.0.0/16',
    apiServiceIp: '10.96.0.1',
    port: 6443,
  });
  const ask = (method: Method, path: string, headers: Readonly<Record<string, string>> = {}, bytes?: Uint8Array) => {
    const [bare = '', query = ''] = path.split('?');
    return server.handle({
      method,
      path: bare,
      query: [...new URLSearchParams(query)],
      headers,
      caller: admin,
      stop: never,
      ...(bytes ? { body: { bytes, mediaType: headers['content-type'] ?? 'application/json' } } : {}),
    });
  };
  for (const name of ['a', 'b']) await ask('POST', maps, {}, encodeText(JSON.stringify(map(name))));
  return { ask };
}

const map = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { i: name } });

function bytesOf(response: ApiResponse): Uint8Array {
  if ('chunks' in response) return Uint8Array.from(response.chunks.flatMap((chunk) => [...chunk]));
  if (!('body' in response)) throw new Error('no bytes');
  const { body } = response;
  return 'bytes' in body ? body.bytes : encodeText(JSON.stringify(body.object));
}
const jsonOf = (response: ApiResponse) => JSON.parse(decodeText(bytesOf(response))) as JsonObject;
const protobufOf = (response: ApiResponse) => decodeProtobuf(bytesOf(response));
const typeOf = (response: ApiResponse) =>
  'mediaType' in response
    ? response.mediaType
    : 'body' in response && 'bytes' in response.body && response.body.mediaType;

test('objects, lists, errors and metadata are answered in protobuf to whoever prefers it', async () => {
  const { ask } = await world();
  const accept = { accept: `${protobufType}, application/json` };
  const one = await ask('GET', `${maps}/a`, accept);
  assert.equal(typeOf(one), protobufType);
  assert.deepEqual(protobufOf(one).value.data, { i: 'a' });
  const all = await ask('GET', maps, accept);
  assert.equal(protobufOf(all).kind, 'ConfigMapList');
  const { metadata, items } = jsonOf(await ask('GET', maps)) as { metadata: Json; items: JsonObject[] };
  assert.deepEqual(protobufOf(all).value.metadata, metadata);
  assert.deepEqual(
    (protobufOf(all).value.items as JsonObject[]).map(({ data }) => data),
    items.map(({ data }) => data),
  );
  const missing = await ask('GET', `${maps}/none`, accept);
  assert.equal(missing.status, 404);
  assert.equal(protobufOf(missing).value.reason, 'NotFound');
  const partial = await ask('GET', maps, { accept: `${protobufType};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1` });
  assert.equal(protobufOf(partial).kind, 'PartialObjectMetadataList');
  assert.equal((protobufOf(partial).value.items as JsonObject[]).length, 2);
});

test('a table has no protobuf form: the next choice is taken, or none', async () => {
  const { ask } = await world();
  const table = 'as=Table;g=meta.k8s.io;v=v1';
  const other = await ask('GET', maps, { accept: `${protobufType};${table},application/json;${table}` });
  assert.equal(jsonOf(other).kind, 'Table');
  assert.equal((await ask('GET', maps, { accept: `${protobufType};${table}` })).status, 406);
  assert.equal((await ask('GET', maps, { accept: 'application/cbor' })).status, 406);
  assert.equal((await ask('GET', `${maps}?includeObject=All`, { accept: `application/json;${table}` })).status, 400);
});

test('items of a list leave out what the list says, in JSON and in YAML', async () => {
  const { ask } = await world();
  const json = jsonOf(await ask('GET', maps)) as { kind: string; items: JsonObject[] };
  assert.deepEqual(Object.keys(json.items[0] as JsonObject), ['metadata', 'data']);
  const yaml = await ask('GET', maps, { accept: yamlType });
  assert.equal(typeOf(yaml), yamlType);
  assert.deepEqual(decodeYaml(decodeText(bytesOf(yaml))).value, json);
});

test('a watch in protobuf is frames with their length before them', async () => {
  const { ask } = await world();
  const response = await ask('GET', `${maps}?watch=1&resourceVersion=0`, { accept: protobufType });
  assert.ok('watch' in response);
  assert.equal(response.mediaType, `${protobufType};stream=watch`);
  const frames: Uint8Array[] = [];
  response.watch.onBatch((batch) => {
    for (const event of batch) frames.push(event.encoded?.(response.mediaType) as Uint8Array);
    return 'more';
  });
  assert.equal(frames.length, 2);
  for (const frame of frames) {
    assert.equal(new DataView(frame.buffer, frame.byteOffset).getUint32(0), frame.length - 4);
    // The object's own envelope is inside.
    const text = String.fromCharCode(...frame);
    assert.ok(text.includes('ADDED') && text.includes('k8s\0'));
  }
});

test('bodies in YAML and protobuf are read like JSON', async () => {
  const { ask } = await world();
  const yaml = encodeText(
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-yaml}\ndata:\n  a: |\n    text\n  a: x\n',
  );
  const made = await ask('POST', maps, { 'content-type': yamlType }, yaml);
  assert.equal(made.status, 201, decodeText(bytesOf(made)));
  assert.match(made.headers?.warning ?? '', /key \\"a\\" already set in map/);
  const binary = encodeProtobuf({ ...map('p'), metadata: { name: 'p' } });
  assert.equal((await ask('POST', maps, { 'content-type': protobufType }, binary)).status, 201);
  assert.deepEqual(jsonOf(await ask('GET', `${maps}/p`)).data, { i: 'p' });
  assert.equal((await ask('POST', maps, { 'content-type': 'application/cbor' }, binary)).status, 415);
});

test('a body that cannot be what is expected is refused in upstream words', async () => {
  const { ask } = await world();
  const unrecognized = 'the object provided is unrecognized (must be of type ConfigMap):';
  const parse = `${unrecognized} couldn't get version/kind; json parse error:`;
  const struct = String.raw`struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }`;
  const handled = 'cannot be handled as a ConfigMap:';
  const field = 'Go struct field ObjectMeta.metadata.generation of type int64';
  const cases: Readonly<Record<string, string>> = {
    '{': `${parse} unexpected end of JSON input ({)`,
    '[]': `${parse} json: cannot unmarshal array into Go value of type ${struct} (5b5d)`,
    '{"kind":"Secret","apiVersion":"v1"}': `Secret in version "v1" ${handled} converting (v1.Secret) to (core.ConfigMap): unknown conversion`,
    '{"kind":"Nope"}': `Nope in version "v1" ${handled} no kind "Nope" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"`,
    '{"apiVersion":"a/b/c"}': `${unrecognized} unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c"})`,
    '{"metadata":{"generation":9223372036854775808}}': `ConfigMap in version "v1" ${handled} json: cannot unmarshal number 9223372036854775808 into ${field}`,
  };
  for (const [body, message] of Object.entries(cases)) {
    const answer = await ask('POST', maps, {}, encodeText(body));
    assert.equal(jsonOf(answer).message, message);
    assert.equal(answer.status, 400);
  }
  const lenient = encodeText('{"apiVersion":null,"kind":null,"metadata":{"name":"n"},"__proto__":{"x":1},"data":null}');
  assert.equal((await ask('POST', maps, {}, lenient)).status, 201);
  assert.equal(({} as Record<string, unknown>).x, undefined);
});

test('lists go on with tokens of the form that upstream gives, and refuse what was made up', async () => {
  const { ask } = await world();
  const first = jsonOf(await ask('GET', `${maps}?limit=1`)) as { metadata: { continue: string } };
  const token = first.metadata.continue;
  assert.match(token, /^eyJ2IjoibWV0YS5rOHMuaW8vdjEi/);
  const rest = jsonOf(await ask('GET', `${maps}?limit=9&continue=${token}`)) as {
    items: { metadata: { name: string } }[];
  };
  assert.deepEqual(
    rest.items.map(({ metadata }) => metadata.name),
    ['b', 'kube-root-ca.crt'].slice(0, rest.items.length),
  );
  assert.equal((await ask('GET', `${maps}?continue=${token}&resourceVersion=5`)).status, 400);
  for (const made of ['e30', '!', 'abc', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi94In0']) {
    assert.equal((await ask('GET', `${maps}?limit=1&continue=${encodeURIComponent(made)}`)).status, 400, made);
  }
});

test('a revision that is no number or not there yet is refused', async () => {
  const { ask } = await world();
  for (const query of ['resourceVersion=abc', 'resourceVersion=-1', 'watch=1&resourceVersion=1.5']) {
    assert.equal((await ask('GET', `${maps}?${query}`)).status, 400, query);
  }
  assert.equal((await ask('GET', `${maps}/a?resourceVersion=999999999`)).status, 504);
  assert.equal((await ask('GET', `${maps}?resourceVersion=1&resourceVersionMatch=Exact`)).status, 410);
  assert.equal((await ask('GET', `${maps}?resourceVersionMatch=Exact`)).status, 422);
});

test('negotiate and decodeObject answer anything with a choice, an object or an ApiError', () => {
  const parts = fc.constantFrom(
    'application/json',
    '*/*',
    ';',
    ',',
    'q=0.5',
    'as=Table',
    'g=meta.k8s.io',
    'v=v1',
    '=',
    ' ',
  );
  const accept = fc.oneof(
    fc.string(),
    fc.array(parts).map((list) => list.join('')),
  );
  const orApiError = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      assert.ok(error instanceof ApiError, String(error));
    }
  };
  fc.assert(fc.property(accept, fc.boolean(), (text, watch) => orApiError(() => negotiate(text, watch))));
  const types = fc.constantFrom('application/json', yamlType, protobufType, 'x/y');
  const bodies = fc.oneof(fc.uint8Array(), fc.json().map(encodeText), fc.string().map(encodeText));
  const request = (bytes: Uint8Array, mediaType: string): ApiRequest => ({
    method: 'POST',
    path: '',
    query: [['fieldValidation', 'Strict']],
    headers: {},
    body: { bytes, mediaType },
    stop: never,
  });
  const pod = { group: '', version: 'v1', kind: 'Pod' };
  fc.assert(
    fc.property(bodies, types, (bytes, type) => orApiError(() => decodeObject(request(bytes, type), pod))),
    {
      numRuns: 1_000,
    },
  );
});

test('What is refused at first look is refused in the order of upstream: route, method, body, answer, options', async () => {
  const { ask } = await world();
  const refused = async (method: Method, path: string, headers: Readonly<Record<string, string>>, text = '{}') => {
    const { status, ...rest } = await ask(method, path, headers, method === 'GET' ? undefined : encodeText(text));
    return [status, jsonOf({ status, ...rest } as ApiResponse).message];
  };
  const cbor = { accept: 'application/cbor' };
  const odd = { ...cbor, 'content-type': 'text/plain' };
  const shaped = { accept: 'application/json;as=X;v=v1;g=meta.k8s.io' };
  const cases: readonly (readonly [Method, string, Readonly<Record<string, string>>, number, RegExp])[] = [
    ['GET', `${maps}/a/bogus`, cbor, 404, /could not find the requested/],
    ['DELETE', '/api/v1/namespaces/default/pods/a/log', cbor, 405, /does not allow this method/],
    ['POST', `${maps}/a`, cbor, 405, /does not allow this method/],
    ['PATCH', `${maps}/a?dryRun=x`, odd, 415, /^415: Unsupported Media Type$/],
    ['POST', `${maps}?dryRun=x`, odd, 406, /^406: Not Acceptable\n\nAvailable/],
    ['GET', maps, { accept: 'application/*' }, 406, /^406: Not Acceptable/],
    ['POST', `${maps}?dryRun=x`, { ...odd, ...shaped }, 406, /^only the following media types/],
    ['POST', `${maps}?dryRun=x`, { 'content-type': 'text/plain' }, 415, /unknown format/],
    ['PUT', `${maps}/a?dryRun=x`, { 'content-type': 'text/plain' }, 422, /UpdateOptions/],
    ['PUT', `${maps}/a`, { 'content-type': 'text/plain' }, 415, /unknown format/],
  ];
  for (const [method, path, headers, status, message] of cases) {
    const [code, told] = await refused(method, path, headers);
    assert.equal(code, status, `${method} ${path}: ${told}`);
    assert.match(String(told), message);
  }
});

test('What cannot be read in the options of a list is told before what they cannot be together', async () => {
  const { ask } = await world();
  const told = async (query: string) => {
    const answer = await ask('GET', `${maps}?sendInitialEvents=true&${query}`);
    return [answer.status, jsonOf(answer).message];
  };
  const number = (text: string, why: string) => [400, `strconv.ParseInt: parsing "${text}": ${why}`];
  assert.deepEqual(await told('timeoutSeconds=x'), number('x', 'invalid syntax'));
  assert.deepEqual(await told('limit='), number('', 'invalid syntax'));
  assert.deepEqual(
    await told('watch=1&limit=99999999999999999999'),
    number('99999999999999999999', 'value out of range'),
  );
  assert.equal((await told('labelSelector=a+in+('))[0], 400);
  assert.equal((await told('limit=1'))[0], 422);
});

test('Of what is not there that is told, whatever a patch of it says', async () => {
  const { ask } = await world();
  const patch = async (name: string) => {
    const headers = { 'content-type': 'application/merge-patch+json' };
    return (await ask('PATCH', `${maps}/${name}`, headers, encodeText('[]'))).status;
  };
  assert.deepEqual([await patch('none'), await patch('a')], [404, 400]);
});

test('A deletion is done as its body says, and not at all where either says so', async () => {
  const { ask } = await world();
  const body = encodeText('{"propagationPolicy":"Background"}');
  const remove = (query: string) => ask('DELETE', `${maps}/a?${query}`, {}, body);
  assert.equal((await remove('dryRun=All&propagationPolicy=x&gracePeriodSeconds=y')).status, 200);
  assert.equal((await ask('GET', `${maps}/a`)).status, 200);
  assert.equal((await remove('propagationPolicy=x')).status, 200);
  assert.equal((await ask('GET', `${maps}/a`)).status, 404);
});

test('Lists of nothing are null where metadata alone is asked for, and tables of kinds with columns are empty', async () => {
  const { ask } = await world();
  const nothing = async (as: string) =>
    jsonOf(await ask('GET', '/api/v1/nodes', { accept: `application/json;as=${as};g=meta.k8s.io;v=v1` }));
  assert.equal((await nothing('PartialObjectMetadataList')).items, null);
  assert.deepEqual((await nothing('Table')).rows, []);
});

test('A table may have an order of its own, and a list keeps that of the names', async () => {
  const { ask } = await world();
  const path = '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas';
  for (const [name, matchingPrecedence] of [
    ['a', 9_000],
    ['b', 8_000],
  ] as const) {
    const spec = { priorityLevelConfiguration: { name: 'global-default' }, matchingPrecedence };
    await ask('POST', path, {}, encodeText(JSON.stringify({ metadata: { name }, spec })));
  }
  const { items } = await jsonOf(await ask('GET', path));
  const { rows } = await jsonOf(await ask('GET', path, { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' }));
  const names = (items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
  const shown = (rows as { cells: string[] }[]).map(({ cells }) => cells[0]);
  assert.deepEqual({ names, shown }, { names: ['a', 'b'], shown: ['b', 'a'] });
});

test('People get answers on lines of their own', async () => {
  const { ask } = await world();
  const text = async (path: string, agent: string) =>
    decodeText(bytesOf(await ask('GET', path, { 'user-agent': agent })));
  assert.match(await text(`${maps}/a`, 'curl/8.5.0'), /^\{\n {2}"kind": "ConfigMap",\n/);
  assert.match(await text('/apis', 'curl/8.5.0'), /^\{\n {2}"kind": "APIGroupList",\n/);
  assert.match(await text(`${maps}/a`, 'kubectl/v1.36'), /^\{"kind":"ConfigMap",/);
  assert.match(await text('/version', 'kubectl/v1.36'), /^\{\n {2}"major": "1",\n/);
});
