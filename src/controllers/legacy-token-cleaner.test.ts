import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMaps } from '../api/kinds/config-map.ts';
import { pods } from '../api/kinds/pod.ts';
import { type Secret, secrets } from '../api/kinds/secret.ts';
import { type ServiceAccount, serviceAccounts } from '../api/kinds/service-account.ts';
import type { Env, Instant } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { LegacyTokenCleaner } from './legacy-token-cleaner.ts';

const now = Date.parse('2026-06-01T00:00:00Z') as Instant;
const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const cleaner = new LegacyTokenCleaner({
  secrets: new Cache({} as Env, unused, secrets),
  accounts: new Cache({} as Env, unused, serviceAccounts),
  pods: new Cache({} as Env, unused, pods),
  maps: new Cache({} as Env, unused, configMaps),
});
const meta = (name: string) => ({
  name,
  namespace: 'n',
  uid: name,
  resourceVersion: '3',
  creationTimestamp: '2024-01-01T00:00:00Z',
});
const token = (labels: Readonly<Record<string, string>> = {}): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { ...meta('t'), labels },
  type: 'kubernetes.io/service-account-token',
});
const account = (names: readonly string[]) =>
  ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: meta('a'),
    secrets: names.map((name) => ({ name })),
  }) as unknown as ServiceAccount;
const verbs = (secret: Secret, of = account(['t']), since: string | undefined = '2024-02-01') =>
  cleaner
    .plan({ secret, account: of, pods: [], since }, now)
    .actions.flat()
    .map(({ verb }) => verb);

test('LegacyTokenCleaner takes validity from a token that nobody used for a year, and the token a year later', () => {
  assert.deepEqual(verbs(token()), ['patch']);
  assert.deepEqual(verbs(token({ 'kubernetes.io/legacy-token-last-used': '2026-01-01' })), []);
  assert.deepEqual(verbs(token({ 'kubernetes.io/legacy-token-invalid-since': '2026-01-01' })), []);
  assert.deepEqual(verbs(token({ 'kubernetes.io/legacy-token-invalid-since': '2025-05-01' })), ['delete']);
});

test('LegacyTokenCleaner leaves tokens alone that somebody asked for, and all while nobody notes their use', () => {
  assert.deepEqual(verbs(token(), account([])), []);
  assert.deepEqual(cleaner.plan({ secret: token(), account: account(['t']), pods: [], since: undefined }, now), {
    actions: [],
  });
});
