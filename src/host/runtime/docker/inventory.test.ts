import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { hostEnv } from '../../env.ts';
import type { EngineClient } from './engine-client.ts';
import { label } from './identity.ts';
import { Inventory } from './inventory.ts';

const dead = { Status: 'exited', Running: false, ExitCode: 137, StartedAt: '2026-01-01T00:00:00Z' };
const inspected = {
  Id: 'e1',
  Image: 'sha256:1',
  Config: { Labels: { [label.id]: 'pod_main_0', [label.sandbox]: 'pod' }, Tty: false },
  State: { ...dead, FinishedAt: '2026-01-01T00:00:01Z', OOMKilled: false },
  NetworkSettings: {},
};

/** An engine that has one container, which was killed, and says what it is told to say. */
function killed() {
  const events = new PassThrough();
  const client = {
    stream: async () => events,
    json: async (_method: string, path: string) =>
      path === '/containers/json' ? [{ Id: 'e1', State: 'exited' }] : inspected,
  };
  const say = (action: string) => events.write(`${JSON.stringify({ Action: action, Actor: { ID: 'e1' } })}\n`);
  return { client: client as unknown as EngineClient, say };
}

test('that memory ran out is told, also where the engine says so after the end and forgets it', {
  timeout: 10_000,
}, async () => {
  const { client, say } = killed();
  const reasons: (string | undefined)[] = [];
  const owner = { cluster: 'c', node: 'n' };
  const inventory = new Inventory(hostEnv(), client, owner, ({ state }) => void reasons.push(state.reason));
  try {
    const [first] = await inventory.all();
    assert.equal(first?.state.reason, 'Error');
    say('die');
    say('oom');
    while (reasons.length < 2) await new Promise((resolve) => setImmediate(resolve));
    const again = await inventory.look('e1');
    assert.equal(again?.state.reason, 'OOMKilled');
    assert.deepEqual(reasons, ['Error', 'OOMKilled']);
  } finally {
    inventory.close();
  }
});

test('what is removed while it is looked at stays gone, however late the answer comes', async () => {
  const { client } = killed();
  let answer = () => {};
  const late = {
    ...client,
    json: async (method: 'GET', path: string) => {
      if (path === '/containers/json') return [];
      await new Promise<void>((resolve) => (answer = resolve));
      return client.json(method, path);
    },
  };
  const inventory = new Inventory(hostEnv(), late as unknown as EngineClient, { cluster: 'c', node: 'n' }, () => {});
  try {
    await inventory.all();
    const looked = inventory.look('e1');
    await new Promise((resolve) => setImmediate(resolve));
    inventory.drop('e1');
    answer();
    assert.equal(await looked, undefined);
    assert.deepEqual(inventory.known(), []);
  } finally {
    inventory.close();
  }
});
