import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { configMaps } from '../api/kinds/config-map.ts';
import { type Secret, secrets } from '../api/kinds/secret.ts';
import { encodeBase64 } from '../base/base64.ts';
import type { Env, Instant } from '../base/env.ts';
import { encodeText } from '../base/json.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { BootstrapSigner } from './bootstrap-signer.ts';
import { readToken } from './bootstrap-token.ts';
import { TokenCleaner } from './token-cleaner.ts';

const now = Date.parse('2026-01-01T00:00:00Z') as Instant;
const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const signer = new BootstrapSigner(new Cache({} as Env, unused, configMaps), new Cache({} as Env, unused, secrets), {
  digest,
});
const cleaner = new TokenCleaner(new Cache({} as Env, unused, secrets));
const meta = (namespace: string, name: string) => ({
  namespace,
  name,
  uid: name,
  resourceVersion: '3',
  creationTimestamp: '2026-01-01T00:00:00Z',
});
const token = (data: Readonly<Record<string, string>>): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: meta('kube-system', 'bootstrap-token-abcdef'),
  type: 'bootstrap.kubernetes.io/token',
  data: Object.fromEntries(
    Object.entries({ 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', ...data }).map(([name, value]) => [
      name,
      encodeBase64(encodeText(value)),
    ]),
  ),
});
const map = (data: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: meta('kube-public', 'cluster-info'),
  data,
});
const tokensOf = (...all: readonly Secret[]) => all.flatMap((secret) => readToken(secret) ?? []);

test('BootstrapSigner signs the cluster’s description with every token that may sign, and takes back what may not', () => {
  const signing = tokensOf(token({ 'usage-bootstrap-signing': 'true' }));
  const { actions } = signer.plan(
    { map: map({ kubeconfig: 'text', 'jws-kubeconfig-old': 'x' }), tokens: signing },
    now,
  );
  const header = Buffer.from('{"alg":"HS256","kid":"abcdef"}').toString('base64url');
  const body = Buffer.from('text').toString('base64url');
  const signature = createHmac('sha256', '0123456789abcdef').update(`${header}.${body}`).digest('base64url');
  const signed = `${header}..${signature}`;
  assert.deepEqual(actions, [
    [
      {
        verb: 'patch',
        kind: configMaps,
        key: { namespace: 'kube-public', name: 'cluster-info' },
        patch: {
          metadata: { uid: 'cluster-info', resourceVersion: '3' },
          data: { 'jws-kubeconfig-old': null, 'jws-kubeconfig-abcdef': signed },
        },
      },
    ],
  ]);
  const done = map({ kubeconfig: 'text', 'jws-kubeconfig-abcdef': signed });
  assert.deepEqual(signer.plan({ map: done, tokens: signing }, now).actions, []);
  assert.deepEqual(signer.plan({ map: map({ kubeconfig: 'text' }), tokens: tokensOf(token({})) }, now).actions, []);
});

test('TokenCleaner removes a token once its time is over, and one whose time nobody can read', () => {
  assert.deepEqual(cleaner.plan(token({}), now).actions, []);
  assert.deepEqual(cleaner.plan(token({ expiration: '2026-01-01T00:00:05Z' }), now), { actions: [], again: 5_000 });
  for (const expiration of ['2025-12-31T00:00:00Z', 'soon']) {
    assert.deepEqual(cleaner.plan(token({ expiration }), now).actions, [
      [
        {
          verb: 'delete',
          kind: secrets,
          key: { namespace: 'kube-system', name: 'bootstrap-token-abcdef' },
          uid: 'bootstrap-token-abcdef',
        },
      ],
    ]);
  }
});
