import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../api/kinds/all.ts';
import { encodeText } from '../base/json.ts';
import { seeded } from '../base/random.ts';
import { never } from '../base/stop.ts';
import { jsonOf } from '../client/client.ts';
import { admin } from '../sim/attacked-server.ts';
import { SimClock } from '../sim/clock.ts';
import { simEnv } from '../sim/env.ts';
import { MemoryStore } from '../store/memory.ts';
import { answerOf, type Judge, type Question } from './judge.ts';
import { ApiServer } from './server.ts';

const pods = '/api/v1/namespaces/default/pods';
const maps = '/api/v1/namespaces/default/configmaps';

interface Asked {
  readonly what: string;
  readonly question: Question;
}

/** A server, and all that its judge was asked. */
async function served() {
  const asked: Asked[] = [];
  const judge: Judge = {
    answer: async (what, question) => {
      asked.push({ what, question });
      return answerOf(what, question, builtInKinds);
    },
  };
  const env = simEnv({ clock: new SimClock(), random: seeded('judging') });
  const admission = { disable: ['ServiceAccount'] };
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: 'x:1', admission, judge });
  await server.bootstrap({ ip: '127.0.0.1', port: 1, clientAuthority: 'PEM' });
  const send = async (method: 'POST' | 'PATCH', path: string, object: object) => {
    const mediaType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const body = { bytes: encodeText(JSON.stringify(object)), mediaType };
    const response = await server.handle({ method, path, query: [], headers: {}, caller: admin, stop: never, body });
    const answer = (await jsonOf(response)) as { readonly message?: string };
    return { status: response.status, warning: 'headers' in response ? response.headers?.['warning'] : '', answer };
  };
  await send('POST', '/api/v1/namespaces', { metadata: { name: 'default' } });
  asked.length = 0;
  return { asked, send };
}

const pod = (name: string, count: number, more: object = {}) => ({
  metadata: { name },
  spec: {
    containers: [
      { name: 'a', image: 'x', env: Array.from({ length: count }, (_, n) => ({ name: `V${n}`, value: '' })), ...more },
    ],
  },
});

test('A long object of a built-in kind is judged elsewhere, and whoever sent it is told the same', async () => {
  const { asked, send } = await served();
  const twice = { ports: [{ containerPort: 80 }, { containerPort: 80 }] };
  const short = await send('POST', pods, pod('short', 1, twice));
  assert.equal(short.status, 201);
  assert.equal(asked.length, 0);
  const made = await send('POST', pods, pod('long', 1_000, twice));
  assert.deepEqual([made.status, made.warning], [201, short.warning]);
  assert.match(String(made.warning), /duplicate port definition/);
  assert.deepEqual(
    asked.map(({ what }) => what),
    ['warnings', 'errors'],
  );
  const wrong = await send('POST', pods, pod('wrong', 1_000, { image: '' }));
  assert.equal(wrong.status, 422);
  assert.match(wrong.answer.message ?? '', /spec\.containers\[0\]\.image: Required value/);
});

test('A change of a long object is judged beside what it was', async () => {
  const { asked, send } = await served();
  await send('POST', pods, pod('long', 1_000));
  asked.length = 0;
  const changed = await send('PATCH', `${pods}/long`, { spec: { hostNetwork: true } });
  assert.equal(changed.status, 422);
  assert.match(changed.answer.message ?? '', /pod updates may not change fields/);
  const { previous, next } = (asked[0] as Asked).question;
  assert.equal(JSON.parse(previous ?? '').spec.hostNetwork, undefined);
  assert.equal(JSON.parse(next).spec.hostNetwork, true);
  assert.equal(JSON.parse(next).spec.containers[0].env.length, 1_000);
});

test('What gives way by itself is judged here', async () => {
  const { asked, send } = await served();
  const data = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`k${n}`, '']));
  assert.equal((await send('POST', maps, { metadata: { name: 'long' }, data })).status, 201);
  assert.deepEqual(asked, []);
});

test('Where little is asked, much is not read', async () => {
  const { send } = await served();
  const { status, answer } = await send('POST', `${pods}/short/binding`, { target: { name: 'x'.repeat(300_000) } });
  assert.equal(status, 413);
  assert.match(answer.message ?? '', /limit is 262144 here/);
});
