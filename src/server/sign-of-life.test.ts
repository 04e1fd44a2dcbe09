import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../api/kinds/all.ts';
import type { ApiRequest, ApiResponse, Caller } from '../api/wire.ts';
import type { Json } from '../base/json.ts';
import { seeded } from '../base/random.ts';
import { never } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import { bootstrap } from '../machinery/bootstrap.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { ApiServer } from './server.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const floodCount = 300;

test('A sign of life of a node is heard at once, however many of its requests are still waiting', async () => {
  const env = simEnv({ clock: new SimClock(), random: seeded('links') });
  const server = new ApiServer(env, new MemoryStore(), {
    kinds: builtInKinds,
    address: '127.0.0.1:6443',
    outward: () => () => new Promise<ApiResponse>(() => {}),
  });
  const range = { serviceRange: '10.96.0.0/16', apiServiceIp: '10.96.0.1', port: 6443 };
  await bootstrap(new Client(server.handle, admin), range);
  const ask = async (method: ApiRequest['method'], path: string, object: Json) =>
    server.handle({ method, path, query: [], headers: {}, caller: admin, stop: never, body: { object } });
  const { status } = await ask('POST', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', {
    metadata: { name: 'silent' },
    webhooks: [
      {
        name: 'silent.example.com',
        clientConfig: { url: 'https://silent' },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'] }],
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
      },
    ],
  });
  assert.equal(status, 201);
  let answered = 0;
  for (let number = 0; number < floodCount; number++)
    void ask('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: `m${number}` } }).then(() => {
      answered++;
    });
  assert.equal((await ask('PUT', '/mini-k8s/nodes/a/link', {})).status, 200);
  assert.equal(answered, 0);
});
