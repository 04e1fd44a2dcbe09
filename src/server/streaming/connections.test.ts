import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../api/kinds/all.ts';
import type { ApiRequest, ApiResponse, Caller, Duplex } from '../../api/wire.ts';
import { decodeText, encodeText, type JsonObject } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { never } from '../../base/stop.ts';
import { Client, jsonOf } from '../../client/client.ts';
import { bootstrap } from '../../machinery/bootstrap.ts';
import { SimClock } from '../../sim/clock.ts';
import { simEnv } from '../../sim/env.ts';
import { MemoryStore } from '../../store/memory.ts';
import type { AdmissionRequest } from '../admission/plugin.ts';
import type { NodePlace, ReachTarget } from '../node-doors.ts';
import { ApiServer } from '../server.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const pods = '/api/v1/namespaces/default/pods';
const duplex: Duplex = { incoming: (async function* () {})(), write: async () => {}, end: () => {} };
const socket = { connection: 'Upgrade', upgrade: 'websocket', authorization: 'Bearer secret' };

interface Passed {
  readonly to: NodePlace | ReachTarget;
  readonly request: ApiRequest;
}

/** A server whose nodes and pods write down what they are asked, and answer what the test says. */
async function world(answer: ApiResponse = { status: 200, stream: one('said'), mediaType: 'text/plain' }) {
  const passed: Passed[] = [];
  const admitted: AdmissionRequest[] = [];
  const pass = (to: NodePlace | ReachTarget) => async (request: ApiRequest) => {
    passed.push({ to, request });
    return answer;
  };
  const server = new ApiServer(simEnv({ clock: new SimClock(), random: seeded('doors') }), new MemoryStore(), {
    kinds: builtInKinds,
    address: '127.0.0.1:6443',
    admission: { disable: ['ServiceAccount'] },
    nodes: pass,
    reach: pass,
    plugins: [{ name: 'notes', validate: (_object, request) => void admitted.push(request) }],
  });
  await server.bootstrap({ ip: '127.0.0.1', port: 6443, clientAuthority: '' });
  await bootstrap(new Client(server.handle, admin), {
    serviceRange: '10.96.0.0/16',
    apiServiceIp: '10.96.0.1',
    port: 6443,
  });
  const ask = async (method: ApiRequest['method'], path: string, more: Partial<ApiRequest> = {}) => {
    const [bare = '', query = ''] = path.split('?');
    const pairs = [...new URLSearchParams(query)];
    return server.handle({ method, path: bare, query: pairs, headers: {}, caller: admin, stop: never, ...more });
  };
  const post = async (path: string, object: JsonObject) => {
    const made = await ask('POST', path, { body: { object } });
    assert.equal(made.status, 201, JSON.stringify(await jsonOf(made)));
  };
  const put = async (path: string, status: JsonObject) => {
    const body = { bytes: encodeText(JSON.stringify({ status })), mediaType: 'application/merge-patch+json' };
    assert.equal((await ask('PATCH', `${path}/status`, { body })).status, 200);
  };
  await post('/api/v1/nodes', { metadata: { name: 'n' } });
  await put('/api/v1/nodes/n', {
    addresses: [
      { type: 'Hostname', address: 'n' },
      { type: 'InternalIP', address: '10.0.0.9' },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 4321 } },
  });
  return { ask, post, put, passed, admitted };
}

async function* one(text: string): AsyncGenerator<Uint8Array> {
  yield encodeText(text);
}

const container = (name: string, port?: number) => ({
  name,
  image: 'i',
  ...(port ? { ports: [{ containerPort: port }] } : {}),
});
const pod = (name: string, containers: readonly JsonObject[], nodeName = 'n'): JsonObject => ({
  metadata: { name },
  spec: { containers, ...(nodeName ? { nodeName } : {}) },
});

async function messageOf(response: ApiResponse): Promise<string> {
  const { code, message } = (await jsonOf(response)) as { code: number; message: string };
  return `${code} ${message}`;
}

test('exec goes to the node that runs the pod, in its words, without who asked', async () => {
  const { ask, post, passed, admitted } = await world();
  await post(pods, pod('web', [container('a')]));
  await ask('GET', `${pods}/web/exec?command=ls&command=-l&stdout=true&stdin=1&tty=false`, { headers: socket, duplex });
  const [{ to, request }] = passed as [Passed];
  assert.deepEqual(to, { name: 'n', host: '10.0.0.9', port: 4321 });
  assert.equal(request.path, '/exec/default/web/a');
  assert.deepEqual(request.query, [
    ['input', '1'],
    ['output', '1'],
    ['command', 'ls'],
    ['command', '-l'],
  ]);
  assert.deepEqual(request.headers, { connection: 'Upgrade', upgrade: 'websocket' });
  const [{ operation, kind, route }] = admitted.filter((one) => one.operation === 'CONNECT') as [AdmissionRequest];
  assert.deepEqual([operation, kind.kind, route.subresource], ['CONNECT', 'PodExecOptions', 'exec']);
});

test('A node is asked where it says that its API is heard, which need not be at its address', async () => {
  const { ask, post, passed } = await world();
  await post(pods, pod('web', [container('a')]));
  const note = { metadata: { annotations: { 'mini-k8s.dev/node-api-host': '127.0.0.1' } } };
  const body = { bytes: encodeText(JSON.stringify(note)), mediaType: 'application/merge-patch+json' };
  assert.equal((await ask('PATCH', '/api/v1/nodes/n', { body })).status, 200);
  await ask('GET', `${pods}/web/exec?command=ls&stdout=true`, { headers: socket, duplex });
  assert.deepEqual((passed as [Passed])[0].to, { name: 'n', host: '127.0.0.1', port: 4321 });
});

test('What cannot be connected to is told before any node is asked', async () => {
  const { ask, post, passed } = await world();
  await post(pods, pod('two', [container('a'), container('b')]));
  await post(pods, pod('nowhere', [container('a')], ''));
  const said = async (path: string) => messageOf(await ask('POST', `${pods}/${path}`, { headers: socket, duplex }));
  assert.equal(await said('gone/exec'), '404 pods "gone" not found');
  assert.equal(await said('two/attach'), '400 a container name must be specified for pod two, choose one of: [a b]');
  assert.equal(await said('two/exec?container=c'), '400 container c is not valid for pod two');
  assert.equal(await said('nowhere/portforward'), '400 pod nowhere does not have a host assigned');
  assert.equal((await ask('PUT', `${pods}/two/exec`)).status, 405);
  assert.deepEqual(passed, []);
});

test('A WebSocket takes the right to create, not only the right to get', async () => {
  const { ask, post } = await world();
  await post(pods, pod('web', [container('a')]));
  await post('/apis/rbac.authorization.k8s.io/v1/clusterroles', {
    metadata: { name: 'looks' },
    rules: [{ apiGroups: [''], resources: ['pods/exec'], verbs: ['get'] }],
  });
  await post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'looks' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'looks' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'eve' }],
  });
  const eve: Caller = { name: 'eve', groups: [], extra: {} };
  const path = `${pods}/web/exec?command=ls&stdout=1`;
  const refused = await ask('GET', path, { headers: socket, duplex, caller: eve });
  assert.match(await messageOf(refused), /^403 .*cannot create resource "pods\/exec"/);
});

test('A proxied pod hears the path as it came, and its links lead through the server', async () => {
  const page = '<a href="/x">x</a> <img src=\'http://10.1.1.1:8080/y.png\'> <a href="https://else.where/z">z</a>';
  const { ask, post, put, passed } = await world({
    status: 302,
    headers: { location: '/there?a=1' },
    stream: one(page),
    mediaType: 'text/html; charset=utf-8',
  });
  await post(pods, pod('web', [container('a', 8080)]));
  await put(`${pods}/web`, { podIP: '10.1.1.1', podIPs: [{ ip: '10.1.1.1' }] });
  const answer = await ask('GET', `${pods}/http:web:/proxy/a%2Fb/?q=1`, { headers: { host: 'here', cookie: 'c' } });
  const [{ to, request }] = passed as [Passed];
  const node = { name: 'n', host: '10.0.0.9', port: 4321 };
  const place = { namespace: 'default', name: 'web', node };
  assert.deepEqual(to, { scheme: 'http', host: '10.1.1.1', port: 8080, pod: place });
  assert.equal(request.path, '/a%2Fb/');
  assert.equal(request.headers['x-forwarded-uri'], `${pods}/http:web:/proxy/a%2Fb/`);
  assert.equal(request.headers['cookie'], 'c');
  const root = `${pods}/http:web:/proxy`;
  assert.equal(answer.headers?.['location'], `${root}/there?a=1`);
  assert.ok('chunks' in answer);
  assert.equal(
    answer.chunks.map(decodeText).join(''),
    `<a href="${root}/x">x</a> <img src='${root}/y.png'> <a href="https://else.where/z">z</a>`,
  );
});

test('A proxied path is found whatever things are called', async () => {
  const { ask, post, put, passed } = await world();
  await post('/api/v1/namespaces', { metadata: { name: 'services' } });
  await post('/api/v1/namespaces/services/pods', pod('proxy', [container('a', 80)]));
  const path = '/api/v1/namespaces/services/pods/proxy';
  await put(path, { podIP: '10.1.1.1', podIPs: [{ ip: '10.1.1.1' }] });
  await ask('POST', `${path}/proxy/pods/x/proxy/y`);
  assert.equal(passed[0]?.request.path, '/pods/x/proxy/y');
});

test('A proxy leads to no address that only the server reaches, and a path without its slash is sent on', async () => {
  const { ask, post, put, passed } = await world();
  await post(pods, pod('inner', [container('a', 80)]));
  for (const podIP of ['127.0.0.1', '169.254.169.254', '::1', 'fe80::1']) {
    await put(`${pods}/inner`, { podIP, podIPs: [{ ip: podIP }] });
    assert.equal(await messageOf(await ask('GET', `${pods}/inner/proxy/`)), '400 address not allowed');
  }
  assert.deepEqual(passed, []);
  const moved = await ask('GET', `/api/v1/nodes/n/proxy?a=b`);
  assert.deepEqual([moved.status, moved.headers?.['location']], [301, '/api/v1/nodes/n/proxy/?a=b']);
});

test('A Service is proxied at one of its ready endpoints, by the name or the number of its port', async () => {
  const { ask, post, passed } = await world();
  const services = '/api/v1/namespaces/default/services';
  await post(services, { metadata: { name: 'web' }, spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] } });
  assert.equal(
    await messageOf(await ask('GET', `${services}/web:http/proxy/`)),
    '503 no endpoints available for service "web"',
  );
  await post('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
    metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080 }],
    endpoints: [{ addresses: ['10.1.1.1'], conditions: { ready: false } }, { addresses: ['10.1.1.2'] }],
  });
  for (const name of ['web:http', 'web:80', 'https:web:http']) {
    assert.equal((await ask('POST', `${services}/${name}/proxy/x`)).status, 200);
  }
  assert.deepEqual(
    passed.map(({ to }) => to),
    ['http', 'http', 'https'].map((scheme) => ({ scheme, host: '10.1.1.2', port: 8080 })),
  );
  assert.equal(
    await messageOf(await ask('GET', `${services}/web:81/proxy/`)),
    '503 no service port 81 found for service "web"',
  );
});

test('Logs are read from the node, and over a WebSocket as messages', async () => {
  const { ask, post, passed } = await world();
  await post(pods, pod('web', [container('a')]));
  const plain = await ask('GET', `${pods}/web/log?tailLines=3&follow=true&container=a`);
  assert.ok('stream' in plain);
  const [{ request }] = passed as [Passed];
  assert.equal(request.path, '/containerLogs/default/web/a');
  assert.deepEqual(request.query, [
    ['tailLines', '3'],
    ['follow', 'true'],
  ]);
  const headers = { ...socket, 'sec-websocket-protocol': 'binary.k8s.io' };
  const upgraded = await ask('GET', `${pods}/web/log`, { headers, duplex });
  assert.equal(upgraded.headers?.['Sec-WebSocket-Protocol'], 'binary.k8s.io');
});
