import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namespaces } from '../api/kinds/namespace.ts';
import { serviceAccounts } from '../api/kinds/service-account.ts';
import type { Env } from '../base/env.ts';
import { act } from '../client/action.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { nothing } from '../machinery/controller.ts';
import { ServiceAccountController } from './service-account.ts';

const unused = new Client(() => Promise.reject(new Error('a plan sends nothing')), { name: '', groups: [], extra: {} });
const controller = new ServiceAccountController(
  new Cache({} as Env, unused, namespaces),
  new Cache({} as Env, unused, serviceAccounts),
);

test('a namespace without the default account gets one', () => {
  const object = { metadata: { name: 'default', namespace: 'shop' } };
  assert.deepEqual(controller.plan({ namespace: 'shop', hasDefault: false }), {
    actions: [[act({ verb: 'create', kind: serviceAccounts, object })]],
  });
});

test('a namespace that has its default account is left alone', () => {
  assert.deepEqual(controller.plan({ namespace: 'shop', hasDefault: true }), nothing);
});
