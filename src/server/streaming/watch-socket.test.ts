import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../api/kinds/all.ts';
import { closeFrame, WebSocketDecoder, type WebSocketEvent } from '../../api/streaming/web-socket-frames.ts';
import type { ApiRequest, ApiResponse, Caller, Duplex } from '../../api/wire.ts';
import { decodeText, type JsonObject } from '../../base/json.ts';
import { seeded } from '../../base/random.ts';
import { StopSource } from '../../base/stop.ts';
import { jsonOf } from '../../client/client.ts';
import { SimClock } from '../../sim/clock.ts';
import { simEnv } from '../../sim/env.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ApiServer } from '../server.ts';

const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
const maps = '/api/v1/namespaces/default/configmaps';

/** The far end of a connection: what it was sent, and how it goes. */
function peer(broken = false) {
  const decoder = new WebSocketDecoder({ masked: false });
  const events: WebSocketEvent[] = [];
  let say: (bytes: Uint8Array | undefined) => void = () => {};
  async function* incoming() {
    for (;;) {
      const bytes = await new Promise<Uint8Array | undefined>((resolve) => {
        say = resolve;
      });
      if (!bytes) return;
      yield bytes;
    }
  }
  const duplex: Duplex = {
    incoming: incoming(),
    write: async (bytes) => {
      if (broken) throw new Error('write EPIPE');
      events.push(...decoder.push(bytes));
    },
    end: () => {},
  };
  const messages = () => events.flatMap((event) => (event.kind === 'message' ? [event] : []));
  const told = () => messages().map(({ bytes }) => JSON.parse(decodeText(bytes)) as JsonObject);
  return { duplex, events, messages, told, leave: () => say(closeFrame(1000, '', Uint8Array.of(1, 2, 3, 4))) };
}

async function world() {
  const clock = new SimClock();
  const server = new ApiServer(simEnv({ clock, random: seeded('sockets') }), new MemoryStore(), {
    kinds: builtInKinds,
    address: '127.0.0.1:6443',
  });
  const stop = new StopSource();
  const ask = (method: ApiRequest['method'], path: string, more: Partial<ApiRequest> = {}) => {
    const [bare = '', query = ''] = path.split('?');
    const pairs = [...new URLSearchParams(query)];
    return server.handle({ method, path: bare, query: pairs, headers: {}, caller: admin, stop, ...more });
  };
  const make = async (path: string, name: string) => {
    const made = await ask('POST', path, { body: { object: { metadata: { name } } } });
    assert.equal(made.status, 201, JSON.stringify(await jsonOf(made)));
  };
  const watch = (query: string, far: ReturnType<typeof peer>, headers: ApiRequest['headers'] = {}) =>
    ask('GET', `${maps}?watch=true${query}`, {
      headers: { connection: 'Upgrade', upgrade: 'websocket', ...headers },
      duplex: far.duplex,
    });
  await make('/api/v1/namespaces', 'default');
  await make(maps, 'first');
  return { ask, make, watch, clock, stop };
}
const settle = async () => {
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
};
function served(answer: ApiResponse, { duplex }: ReturnType<typeof peer>): Promise<void> {
  assert.ok('upgrade' in answer, JSON.stringify(answer));
  assert.deepEqual([answer.status, answer.upgrade], [101, 'websocket']);
  return answer.serve(duplex);
}
const names = (events: readonly JsonObject[]) =>
  events.map(({ type, object }) => `${type} ${((object as JsonObject).metadata as JsonObject).name}`);

test('A watch over a WebSocket has one event in each message, of text', async () => {
  const { make, ask, watch } = await world();
  const far = peer();
  const answer = await watch('', far);
  assert.deepEqual(answer.headers, {});
  const done = served(answer, far);
  await make(maps, 'second');
  await ask('DELETE', `${maps}/first`);
  await settle();
  assert.deepEqual(names(far.told()), ['ADDED first', 'ADDED second', 'DELETED first']);
  assert.ok(far.messages().every(({ text }) => text));
  far.leave();
  await done;
  await make(maps, 'third');
  await settle();
  assert.equal(far.messages().length, 3);
});

test('A watch in protobuf has one event in each message, of bytes without a length before them', async () => {
  const { watch, stop } = await world();
  const far = peer();
  const accept = 'application/vnd.kubernetes.protobuf;stream=watch';
  const done = served(await watch('', far, { accept }), far);
  await settle();
  const [message] = far.messages();
  assert.ok(message && !message.text);
  // The first field of a watch event is its type.
  assert.equal(decodeText(message.bytes.subarray(0, 7)), '\n\u0005ADDED');
  stop.stop();
  await done;
});

test('A watch that ends says good-bye', async () => {
  const { watch, clock } = await world();
  const far = peer();
  const done = served(await watch('&timeoutSeconds=1', far), far);
  await clock.run(1_500, settle);
  await done;
  assert.equal(far.events.at(-1)?.kind, 'close');
});

test('The one protocol that a client offers is agreed to; a token is none, and two are too many', async () => {
  const { watch } = await world();
  const token = `base64url.bearer.authorization.k8s.io.${btoa('t').replaceAll('=', '')}`;
  const offering = (protocols: string) => watch('', peer(), { 'sec-websocket-protocol': protocols });
  const agreed = await offering(`${token}, base64.binary.k8s.io`);
  assert.deepEqual([agreed.status, agreed.headers], [101, { 'Sec-WebSocket-Protocol': 'base64.binary.k8s.io' }]);
  const refused = await offering('a, b');
  const { message } = (await jsonOf(refused)) as JsonObject;
  assert.deepEqual(
    [refused.status, message],
    [400, 'a watch takes one WebSocket protocol, or none, and was offered a, b'],
  );
});

test('A watch that cannot be opened is refused as any other', async () => {
  const { watch } = await world();
  const refused = await watch('&resourceVersion=nonsense', peer());
  assert.equal(refused.status, 400);
  assert.ok(!('upgrade' in refused));
});

test('A client that is gone ends its watch', async () => {
  const { watch } = await world();
  const far = peer(true);
  await assert.rejects(served(await watch('', far), far), /EPIPE/);
});
