import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../base/random.ts';
import { SimClock } from '../sim/clock.ts';
import { type Asked, answerTo, queryOf } from '../sim/dns-world.test-data.ts';
import { simEnv } from '../sim/env.ts';
import { DnsForwarder, type ExchangeOptions, type Via } from './dns-forwarder.ts';
import { codes, type DnsRecord, decodeMessage, type Message } from './dns-message.ts';
import { type DnsQuery, readQuery } from './dns-query.ts';

const drain = () => new Promise<void>((resolve) => setImmediate(resolve));
const record = (ttl = 20): DnsRecord => ({ name: 'a.example', ttl, type: 'A', address: '192.0.2.1' });
const start: DnsRecord = {
  name: 'example',
  ttl: 100,
  type: 'SOA',
  server: 'ns.example',
  mailbox: 'me.example',
  serial: 1,
  refresh: 1,
  retry: 1,
  expire: 1,
  minimum: 7,
};

type Answering = (server: string, query: Uint8Array, options: ExchangeOptions) => Promise<Uint8Array>;

function world(answering: Answering, servers: readonly string[] = ['192.0.2.53']) {
  const clock = new SimClock();
  const env = simEnv({ clock, random: seeded('forward') });
  const asked: string[] = [];
  const state = { servers };
  const forwarder = new DnsForwarder(env, {
    servers: () => state.servers,
    exchange: (server, query, options) => {
      asked.push(server);
      return answering(server, query, options);
    },
  });
  const begin = (wish: Partial<Asked> = {}, via: Via = 'udp') => {
    const bytes = queryOf({ name: 'a.example', ...wish });
    return forwarder.ask(bytes, readQuery(bytes) as DnsQuery, via);
  };
  const ask = async (wish: Partial<Asked> = {}, via: Via = 'udp'): Promise<Message | undefined> => {
    const answer = await begin(wish, via);
    return answer && decodeMessage(answer);
  };
  const pass = (ms: number) => clock.run(ms, drain);
  /** A server that says nothing. */
  const silence = (withinMs: number) =>
    new Promise<never>((_resolve, reject) => void clock.after(withinMs, () => reject(new Error('silence'))));
  return { clock, asked, ask, begin, pass, state, silence };
}

test('DnsForwarder remembers an answer for as long as it holds, and less of that as time goes on', async () => {
  const { asked, ask, pass } = world(async (_server, query) => answerTo(query, [record(20)]));
  const first = await ask({ id: 1 });
  assert.deepEqual([first?.id, first?.answers[0]?.ttl], [1, 20]);
  await pass(5_500);
  const again = await ask({ id: 2, name: 'A.Example' });
  assert.deepEqual([again?.id, again?.questions[0]?.name, again?.answers[0]?.ttl], [2, 'A.Example', 15]);
  assert.equal(asked.length, 1);
  await pass(15_000);
  assert.equal((await ask())?.answers[0]?.ttl, 20);
  assert.equal(asked.length, 2);
});

test('DnsForwarder remembers nothing for long, and not what is truncated, failed or holds for no time', async () => {
  const cases: readonly (readonly [Partial<Message>, readonly DnsRecord[], number, number])[] = [
    [{}, [record(86_400)], 29_000, 1],
    [{}, [record(86_400)], 31_000, 2],
    [{}, [record(0)], 1, 2],
    [{ truncated: true }, [record()], 1, 2],
    [{ code: codes.noSuchName, authority: [start] }, [], 6_000, 1],
    [{ code: codes.noSuchName, authority: [start] }, [], 8_000, 2],
    [{ authority: [start] }, [], 6_000, 1],
    [{ code: codes.noSuchName }, [], 1, 2],
    [{ code: codes.failure }, [], 1, 2],
  ];
  for (const [more, answers, ms, times] of cases) {
    const { asked, ask, pass } = world(async (_server, query) => answerTo(query, answers, more));
    await ask();
    await pass(ms);
    await ask();
    assert.equal(asked.length, times, JSON.stringify([more, ms]));
  }
});

test('DnsForwarder asks once for all who ask the same at the same time', async () => {
  const { asked, begin, pass, clock } = world(
    (_server, query) => new Promise((resolve) => void clock.after(100, () => resolve(answerTo(query, [record()])))),
  );
  const all = [begin({ id: 1 }), begin({ id: 2 }), begin({ id: 3, name: 'A.example' }), begin({ id: 4, type: 28 })];
  await pass(200);
  const ids = (await Promise.all(all)).map((bytes) => decodeMessage(bytes as Uint8Array).id);
  assert.deepEqual(ids, [1, 2, 3, 4]);
  assert.equal(asked.length, 2, 'one for each type');
});

test('DnsForwarder turns to the next server when one is silent, fails or refuses, and leaves a silent one for later', async () => {
  const made = world(
    async (server, query, { withinMs }) => {
      if (server === 'silent') return made.silence(withinMs);
      if (server === 'fails') return answerTo(query, [], { code: codes.failure });
      return answerTo(query, [record()]);
    },
    ['silent', 'fails', 'good'],
  );
  const { asked, begin, pass } = made;
  const first = begin();
  await pass(2_000);
  assert.ok(await first);
  assert.deepEqual(asked.splice(0), ['silent', 'fails', 'good']);
  await begin({ name: 'b.example' });
  assert.deepEqual(asked.splice(0), ['fails', 'good']);
  await pass(11_000);
  void begin({ name: 'c.example' });
  await pass(1);
  assert.deepEqual(asked, ['silent']);
});

test('DnsForwarder gives up before the client does, and passes on a failure that is all there is', async () => {
  const silent = world((_server, _query, { withinMs }) => silent.silence(withinMs));
  let answer: Uint8Array | undefined | 'waiting' = 'waiting';
  void silent.begin().then((found) => {
    answer = found;
  });
  await silent.pass(4_400);
  assert.equal(answer, 'waiting');
  await silent.pass(200);
  assert.equal(answer, undefined);
  assert.equal(silent.asked.length, 3, 'the only server is asked as often as there is time');
  const failing = world(async (_server, query) => answerTo(query, [], { code: codes.refused }), ['one', 'two']);
  assert.equal((await failing.ask())?.code, codes.refused);
  assert.equal(failing.asked.length, 2);
  assert.equal(await world(async () => new Uint8Array(), []).begin(), undefined, 'nobody is there to be asked');
});

test('DnsForwarder forgets everything when the machine asks others from now on', async () => {
  const { asked, ask, state } = world(async (_server, query) => answerTo(query, [record(1_000)]));
  await ask();
  state.servers = ['198.51.100.53'];
  await ask();
  assert.deepEqual(asked, ['192.0.2.53', '198.51.100.53']);
});

test('DnsForwarder believes only the answer to its own question', async () => {
  let accepts: ExchangeOptions['accepts'] = () => false;
  let sent = new Uint8Array();
  const { ask } = world(async (_server, query, options) => {
    accepts = options.accepts;
    sent = query.slice();
    return answerTo(query, [record()]);
  });
  await ask({ id: 0x1234 });
  const good = answerTo(sent, [record()]);
  const changed = (at: number, value: number) => Uint8Array.from(good, (byte, index) => (index === at ? value : byte));
  assert.equal(accepts(good), true);
  assert.equal(accepts(changed(0, (good[0] as number) ^ 1)), false, 'another number');
  assert.equal(accepts(changed(2, 0)), false, 'no answer');
  assert.equal(accepts(changed(13, 'b'.charCodeAt(0))), false, 'another name');
  assert.equal(accepts(changed(13, 'A'.charCodeAt(0))), true, 'another case');
  assert.equal(accepts(good.slice(0, 14)), false);
  assert.notEqual(new DataView(sent.buffer).getUint16(0), 0x1234, "the client's number is not told to the world");
});

test('DnsForwarder makes no storm of a question that comes back to itself', async () => {
  const made = world(async (_server, query, { withinMs }) => {
    // The machine's resolver asks us in turn.
    const { id, questions } = decodeMessage(query);
    const back = made.begin({ name: questions[0]?.name ?? '', id });
    const answer = await Promise.race([back, made.silence(withinMs)]);
    if (!answer) throw new Error('nothing');
    return answer;
  });
  const asking = made.begin();
  await made.pass(5_000);
  assert.equal(await asking, undefined);
  assert.ok(made.asked.length <= 4, String(made.asked.length));
});
