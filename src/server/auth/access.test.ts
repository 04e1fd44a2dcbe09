import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../api/kinds/all.ts';
import type { Followed } from '../../base/followed.ts';
import { seeded } from '../../base/random.ts';
import { never } from '../../base/stop.ts';
import { SimClock } from '../../sim/clock.ts';
import { simEnv } from '../../sim/env.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ApiServer } from '../server.ts';
import type { AccessOptions, ChosenAuthorizer } from './access.ts';
import { authenticationConfiguration } from './authentication-configuration.ts';

/** A value, and a way to replace it. */
function replaceable<T>(now: T): Followed<T> & { replace(value: T): void } {
  const takers: ((value: T) => void)[] = [];
  const followed = {
    now,
    follow: (take: (value: T) => void) => void takers.push(take),
    replace: (value: T) => {
      followed.now = value;
      for (const take of takers) take(value);
    },
  };
  return followed;
}

/** What somebody with this token is answered. */
function statusOf(access: AccessOptions) {
  const env = simEnv({ clock: new SimClock(), random: seeded('access') });
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: '127.0.0.1:6443', access });
  return async (headers: Readonly<Record<string, string>>) =>
    (await server.handle({ method: 'GET', path: '/api/v1/nodes', query: [], headers, stop: never })).status;
}

test('who decides may be replaced while the server runs', async () => {
  const authorizerChoices = replaceable<readonly ChosenAuthorizer[]>([{ type: 'RBAC' }]);
  const status = statusOf({ authorizerChoices, staticTokens: 'secret,joe,1' });
  const joe = { authorization: 'Bearer secret' };
  assert.equal(await status(joe), 403);
  authorizerChoices.replace([{ type: 'RBAC' }, { type: 'AlwaysAllow' }]);
  assert.equal(await status(joe), 200);
  authorizerChoices.replace([{ type: 'RBAC' }]);
  assert.equal(await status(joe), 403);
});

test('who is believed may be replaced while the server runs', async () => {
  const rules = (enabled: boolean) =>
    authenticationConfiguration({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AuthenticationConfiguration',
      anonymous: { enabled },
    });
  const authentication = replaceable(rules(true));
  const status = statusOf({ authentication });
  assert.equal(await status({}), 403);
  authentication.replace(rules(false));
  assert.equal(await status({}), 401);
});
