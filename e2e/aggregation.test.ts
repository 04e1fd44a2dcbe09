import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { Instant } from '../src/base/env.ts';
import { readKubeconfig } from '../src/host/kubeconfig-file.ts';
import { createAuthority, issue } from '../src/host/x509/certificate.ts';
import { TestCluster, until } from './cluster.ts';

const cluster = new TestCluster();
const root = '/apis/added.example.com/v1';
const service = '/apis/apiregistration.k8s.io/v1/apiservices/v1.added.example.com';
let added: Server | undefined;
after(async () => {
  added?.closeAllConnections();
  added?.close();
  await cluster.clear();
});

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: NodeJS.Dict<string[]>;
  readonly peer: string | undefined;
  readonly body: string;
}
const seen: Seen[] = [];

async function ask(method: string, path: string, body?: object, headers: Readonly<Record<string, string>> = {}) {
  const { ca, cert, key } = readKubeconfig(cluster.kubeconfig);
  const outgoing = request(new URL(path, cluster.url), {
    method,
    agent: false,
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
  });
  outgoing.end(body && JSON.stringify(body));
  const [incoming] = await once(outgoing, 'response');
  const text = Buffer.concat(await incoming.toArray()).toString();
  return { status: incoming.statusCode as number, text, headers: incoming.headers };
}
const json = async (...words: Parameters<typeof ask>) => JSON.parse((await ask(...words)).text);
const available = async () =>
  (await json('GET', service)).status?.conditions?.find(({ type }: { type: string }) => type === 'Available');

describe('an API server that is added', () => {
  test('every group and version that is served here has an API service of its own', async () => {
    await cluster.start('server');
    const { items } = await json('GET', '/apis/apiregistration.k8s.io/v1/apiservices');
    const names = items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
    assert.ok(names.includes('v1.') && names.includes('v1.apps') && names.includes('v2.autoscaling'), names.join());
    assert.deepEqual(items[0].status.conditions[0].message, 'Local APIServices are always available');
    const names2 = { plural: 'gadgets', singular: 'gadget', kind: 'Gadget' };
    const schema = { openAPIV3Schema: { type: 'object' } };
    const spec = {
      group: 'made.example.com',
      names: names2,
      scope: 'Namespaced',
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    };
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const made = await ask('POST', definitions, { metadata: { name: 'gadgets.made.example.com' }, spec });
    assert.equal(made.status, 201, made.text);
    const own = '/apis/apiregistration.k8s.io/v1/apiservices/v1.made.example.com';
    await until('an API service of the new group', 5_000, async () => (await ask('GET', own)).status === 200);
    await ask('DELETE', `${definitions}/gadgets.made.example.com`);
    await until('its end', 5_000, async () => (await ask('GET', own)).status === 404);
  });

  test('is not available before its service is there, and says why', async () => {
    const port = await startAdded();
    const spec = {
      group: 'added.example.com',
      version: 'v1',
      groupPriorityMinimum: 100,
      versionPriority: 10,
      service: { namespace: 'default', name: 'added', port },
      caBundle: Buffer.from(authority.certificate).toString('base64'),
    };
    const body = { metadata: { name: 'v1.added.example.com' }, spec };
    assert.equal((await ask('POST', '/apis/apiregistration.k8s.io/v1/apiservices', body)).status, 201);
    const condition = await until('verdict', 5_000, available);
    assert.deepEqual([condition.status, condition.reason], ['False', 'ServiceNotFound']);
    assert.equal(condition.message, 'service/added in "default" is not present');
    const refused = await ask('GET', `${root}/things`);
    assert.deepEqual([refused.status, refused.text], [503, 'service unavailable\n']);
    const target = { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] };
    const made = await ask('POST', '/api/v1/namespaces/default/services', {
      metadata: { name: 'added' },
      spec: target,
    });
    assert.equal(made.status, 201, made.text);
    await until('its availability', 10_000, async () => (await available())?.status === 'True');
    assert.deepEqual([(await available()).reason, (await available()).message], ['Passed', 'all checks passed']);
  });

  test('is asked with who asks, by somebody whose certificate it can believe', async () => {
    const answer = await json('POST', `${root}/namespaces/default/things?dryRun=All`, { metadata: { name: 'a' } });
    assert.deepEqual(answer, { kind: 'Thing', apiVersion: 'added.example.com/v1', metadata: { name: 'a' } });
    const last = seen.at(-1);
    assert.equal(last?.url, `${root}/namespaces/default/things?dryRun=All`);
    assert.equal(last.peer, 'front-proxy-client');
    assert.deepEqual(last.headers['x-remote-user'], ['admin']);
    assert.deepEqual(last.headers['x-remote-group'], ['system:masters', 'system:authenticated']);
    assert.equal(last.headers.authorization, undefined);
    const { data } = await json('GET', '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication');
    assert.equal(data['requestheader-allowed-names'], '["front-proxy-client"]');
    assert.match(data['requestheader-client-ca-file'], /^-----BEGIN CERTIFICATE-----/);
  });

  test('is part of discovery, in both of its forms', async () => {
    const { groups } = await json('GET', '/apis');
    assert.ok(groups.some(({ name }: { name: string }) => name === 'added.example.com'));
    assert.equal((await json('GET', '/apis/added.example.com')).preferredVersion.groupVersion, 'added.example.com/v1');
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const { items } = await json('GET', '/apis', undefined, { accept });
    const [version] = items.at(-1).versions;
    assert.deepEqual([items.at(-1).metadata.name, version.freshness], ['added.example.com', 'Current']);
    assert.equal(version.resources[0].resource, 'things');
  });

  test('answers watches piece by piece, and speaks on upgraded connections', async () => {
    const { ca, cert, key } = readKubeconfig(cluster.kubeconfig);
    const secrets = { agent: false, ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
    const watch = request(new URL(`${root}/things?watch=1`, cluster.url), secrets).end();
    const [incoming] = await once(watch, 'response');
    const [first] = await once(incoming, 'data');
    assert.match(String(first), /"ADDED"/);
    incoming.destroy();
    const headers = { connection: 'Upgrade', upgrade: 'echo' };
    const upgrade = request(new URL(`${root}/echo`, cluster.url), { ...secrets, headers }).end();
    const [, socket] = await once(upgrade, 'upgrade');
    socket.write('hello');
    assert.equal(String((await once(socket, 'data'))[0]), 'hello');
    socket.destroy();
  });

  test('is told to be unavailable as soon as somebody finds it gone', async () => {
    added?.closeAllConnections();
    added?.close();
    assert.equal((await ask('GET', `${root}/things`)).status, 503);
    const gone = await until('word of it', 10_000, async () => {
      const now = await available();
      return now?.status === 'False' && now;
    });
    assert.equal(gone.reason, 'FailedDiscoveryCheck');
    assert.match(gone.message, /^failing or missing response from https:\/\/added\.default\.svc:\d+/);
    assert.equal((await ask('DELETE', service)).status, 200);
    await until('the end of its group', 5_000, async () => (await ask('GET', `${root}/things`)).status === 404);
  });
});

const authority = createAuthority('added', Date.now() as Instant);

/** Knows one resource, and writes down what it is asked. */
async function startAdded(): Promise<number> {
  const names = ['added.default.svc'];
  const pair = issue(authority, { subject: { name: 'added' }, use: ['server'], names, now: Date.now() as Instant });
  const options = { cert: pair.certificate, key: pair.key, requestCert: true, rejectUnauthorized: false };
  added = createServer(options, async (incoming, outgoing) => {
    const body = Buffer.concat(await incoming.toArray()).toString();
    const { method = '', url = '', headersDistinct: headers } = incoming;
    const peer = (incoming.socket as TLSSocket).getPeerCertificate()?.subject?.CN as string | undefined;
    seen.push({ method, url, headers, peer, body });
    outgoing.setHeader('content-type', 'application/json');
    if (url === root) outgoing.end(JSON.stringify(resources));
    else if (url.includes('watch=1')) outgoing.write('{"type":"ADDED","object":{}}\n');
    else
      outgoing.end(JSON.stringify({ kind: 'Thing', apiVersion: 'added.example.com/v1', ...JSON.parse(body || '{}') }));
  });
  added.on('upgrade', (_incoming, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  added.listen(0, 'localhost');
  await once(added, 'listening');
  return (added.address() as AddressInfo).port;
}

const resources = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: 'added.example.com/v1',
  resources: [
    { name: 'things', singularName: 'thing', namespaced: true, kind: 'Thing', verbs: ['get', 'create', 'watch'] },
  ],
};
