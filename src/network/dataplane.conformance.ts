import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend, Dataplane, Route } from './dataplane.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A program behind a service. It answers with its name and all that it was told. */
export interface Program extends Backend {
  /** Nobody new; who is connected stays. */
  close(): void;
}

/** A connection that stays open. */
export interface Conversation {
  /** Says a last word; answers all that came back. */
  finish(text: string): Promise<string>;
}

/** The machine that the dataplane works on, as far as the suite needs it. */
export interface DataplaneUnderTest {
  readonly plane: Dataplane;
  /** Where a route of the table is heard from here. */
  at(route: Route): Address;
  program(name: string): Promise<Program>;
  datagrams(name: string): Promise<Program>;
  /** A word over TCP; the answer, or `refused` for a connection that was refused or reset. */
  ask(address: Address, text: string): Promise<string>;
  open(address: Address): Promise<Conversation>;
  /** A socket of its own, that says a word over UDP; the answer, or `silence`. */
  sender(): (address: Address, text: string) => Promise<string>;
  /** A port of this machine that nobody listens at. */
  freePort(): Promise<number>;
  dispose(): Promise<void>;
}

/** The claims that this dataplane does not make, each with the reason. */
export type DataplaneSkips = Partial<Record<'all' | 'samePort', string>>;

/** Turns and chance both meet each of a few backends within so many tries; chance misses one once in 10^15. */
const tries = 90;

/** One suite for every dataplane. */
export function dataplaneConformance(
  name: string,
  make: () => Promise<DataplaneUnderTest>,
  route: (backends: readonly Backend[], more?: Partial<Route>) => Route,
  skips: DataplaneSkips = {},
): void {
  const claim = (text: string, run: (under: DataplaneUnderTest) => Promise<void>, skip = skips.all) => {
    test(`${name} dataplane: ${text}`, skip === undefined ? {} : { skip }, async () => {
      const under = await make();
      try {
        await run(under);
      } finally {
        await under.dispose();
      }
    });
  };

  claim('every backend of a service has its share, and a connection stays whole', async (under) => {
    const web = route([await under.program('a'), await under.program('b'), await under.program('c')]);
    await under.plane.replace([web]);
    const met = new Map<string, number>();
    for (let count = 0; count < tries; count++) {
      const answer = await under.ask(under.at(web), `word ${count}`);
      assert.match(answer, new RegExp(`^[abc]:word ${count}$`));
      met.set(answer.slice(0, 1), (met.get(answer.slice(0, 1)) ?? 0) + 1);
    }
    assert.deepEqual([...met.keys()].sort(), ['a', 'b', 'c']);
    for (const [who, count] of met) assert.ok(count >= tries / 10, `${who} was met ${count} times of ${tries}`);
  });

  claim(
    'a backend that left is met no more from that moment on, and who talks to it goes on talking',
    async (under) => {
      const [left, stays] = [await under.program('left'), await under.program('stays')];
      await under.plane.replace([route([left])]);
      const talk = await under.open(under.at(route([left])));
      await under.plane.replace([route([left, stays])]);
      await under.plane.replace([route([stays])]);
      for (let count = 0; count < 20; count++) assert.equal(await under.ask(under.at(route([])), ''), 'stays:');
      assert.equal(await talk.finish('late'), 'left:late');
    },
  );

  claim('no request fails while backends come and go', async (under) => {
    const old = await under.program('old');
    await under.plane.replace([route([old])]);
    const address = under.at(route([old]));
    let ended = false;
    const asking = (async () => {
      const answers: string[] = [];
      while (!ended) answers.push(await under.ask(address, ''));
      return answers;
    })();
    for (let round = 0; round < 10; round++) {
      const next = await under.program(`new ${round}`);
      await under.plane.replace([route([old, next])]);
      await under.plane.replace([route([next])]);
      await under.plane.replace([route([old])]);
    }
    ended = true;
    for (const answer of await asking) assert.match(answer, /^(old|new \d):$/);
  });

  claim('a service without backends refuses, and answers as soon as it has one', async (under) => {
    await under.plane.replace([route([])]);
    assert.equal(await under.ask(under.at(route([])), ''), 'refused');
    await under.plane.replace([route([await under.program('a')])]);
    assert.equal(await under.ask(under.at(route([])), ''), 'a:');
    await under.plane.replace([route([])]);
    assert.equal(await under.ask(under.at(route([])), ''), 'refused');
  });

  claim('a node port leads to its own backends, and is closed when the service goes', async (under) => {
    const port = await under.freePort();
    const door = route([await under.program('a')], { scope: 'node', vip: '0.0.0.0', port });
    await under.plane.replace([door]);
    assert.equal(await under.ask(under.at(door), 'x'), 'a:x');
    await under.plane.replace([]);
    assert.equal(await under.ask(under.at(door), 'x'), 'refused');
  });

  claim('ports of one address lead to different places', async (under) => {
    const first = route([await under.program('first')], { portName: 'first', port: 80 });
    const second = route([await under.program('second')], { portName: 'second', port: 81 });
    await under.plane.replace([first, second]);
    assert.equal(await under.ask(under.at(first), ''), 'first:');
    assert.equal(await under.ask(under.at(second), ''), 'second:');
  });

  claim('a client stays with its backend where the service asks for it, until that leaves', async (under) => {
    const all = [await under.program('a'), await under.program('b'), await under.program('c')];
    const sticky = (backends: readonly Backend[]) => route(backends, { affinity: 60_000 });
    await under.plane.replace([sticky(all)]);
    const address = under.at(sticky(all));
    const met = await under.ask(address, '');
    for (let count = 0; count < 20; count++) assert.equal(await under.ask(address, ''), met);
    const others = all.filter((_, index) => !met.startsWith('abc'.charAt(index)));
    await under.plane.replace([sticky(others)]);
    const next = await under.ask(address, '');
    assert.notEqual(next, met);
    assert.notEqual(next, 'refused');
    await under.plane.replace([sticky(all)]);
    assert.equal(await under.ask(address, ''), next);
  });

  claim('only clients in the ranges of a service get in', async (under) => {
    const program = await under.program('a');
    const kept = route([program], { scope: 'balancer', sources: ['192.0.2.200/32'] });
    await under.plane.replace([kept]);
    // Silence and a reset are both no answer.
    assert.notEqual(await under.ask(under.at(kept), ''), 'a:');
    const open = route([program], { scope: 'balancer', sources: ['0.0.0.0/1', '128.0.0.0/1', '192.0.2.200/32'] });
    await under.plane.replace([open]);
    assert.equal(await under.ask(under.at(open), ''), 'a:');
  });

  claim('datagrams are carried, and their answers', async (under) => {
    const names = route([await under.datagrams('a')], { protocol: 'UDP' });
    await under.plane.replace([names]);
    assert.equal(await under.sender()(under.at(names), 'x'), 'a:x');
  });

  const samePort = async (under: DataplaneUnderTest) => {
    const say = under.sender();
    const udp = (backends: readonly Backend[]) => route(backends, { protocol: 'UDP' });
    const [a, b] = [await under.datagrams('a'), await under.datagrams('b')];
    await under.plane.replace([udp([a])]);
    assert.equal(await say(under.at(udp([])), 'x'), 'a:x');
    await under.plane.replace([udp([b])]);
    assert.equal(await say(under.at(udp([])), 'x'), 'b:x');
    await under.plane.replace([udp([])]);
    await say(under.at(udp([])), 'x');
    await under.plane.replace([udp([a])]);
    assert.equal(await say(under.at(udp([])), 'x'), 'a:x');
  };
  claim('a client that keeps its UDP port leaves a backend that left', samePort, skips.all ?? skips.samePort);

  claim('an empty table takes everything away', async (under) => {
    const web = route([await under.program('a')]);
    await under.plane.replace([web]);
    const address = under.at(web);
    assert.equal(await under.ask(address, ''), 'a:');
    await under.plane.replace([]);
    assert.notEqual(await under.ask(address, ''), 'a:');
  });
}
