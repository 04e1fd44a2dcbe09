import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend, Route } from '../../../network/dataplane.ts';
import { staleOf } from './conntrack.ts';
import { factsOf } from './facts.ts';
import { Ledger } from './ledger.ts';
import { scriptOf } from './script.ts';

const route = (backends: readonly Backend[], more: Partial<Route> = {}): Route => ({
  namespace: 'default',
  name: 'web',
  portName: 'http',
  scope: 'cluster',
  vip: '10.96.0.10',
  port: 80,
  protocol: 'TCP',
  backends,
  ...more,
});
const pods = (count: number): readonly Backend[] =>
  Array.from({ length: count }, (_, index) => ({ ip: `10.244.${index >> 8}.${index & 255}`, port: 8080 }));

/** What is done in a table that holds the first routes so that it holds the others. */
function scriptFor(before: readonly Route[], after: readonly Route[]): readonly string[] {
  const ledger = new Ledger();
  for (const one of before) ledger.add(factsOf(one));
  ledger.changes();
  for (const one of after) ledger.add(factsOf(one));
  for (const one of before) ledger.remove(factsOf(one));
  return scriptOf('t', ledger.changes()).split('\n').slice(0, -1);
}

test('a route of few backends is a chain, its door and what its answers need', () => {
  const chain = 'inside-cluster-default/web/http/tcp-4';
  assert.deepEqual(scriptFor([], [route(pods(2))]), [
    `add chain inet t ${chain}`,
    `add rule inet t ${chain} meta l4proto tcp numgen random mod 2 0 dnat ip to 10.244.0.0:8080`,
    `add rule inet t ${chain} meta l4proto tcp dnat ip to 10.244.0.1:8080`,
    `add element inet t cluster_services4 { 10.96.0.10 . tcp . 80 : goto ${chain} }`,
    'add element inet t cluster4 { 10.96.0.10 }',
    'add element inet t hairpin4 { 10.244.0.0 . 10.244.0.0, 10.244.0.1 . 10.244.0.1 }',
  ]);
});

test('a route that is the same says nothing, and one that is gone leaves nothing', () => {
  assert.deepEqual(scriptFor([route(pods(2))], [route(pods(2))]), []);
  const ledger = new Ledger();
  const routes = [
    route(pods(100)),
    route(pods(3), { affinity: 5000, name: 'sticky', vip: '10.96.0.11' }),
    route(pods(3), { scope: 'balancer', vip: '203.0.113.9', sources: ['10.0.0.0/8'], outside: [] }),
  ];
  for (const one of routes) ledger.add(factsOf(one));
  const made = scriptOf('t', ledger.changes());
  for (const one of routes) ledger.remove(factsOf(one));
  const gone = scriptOf('t', ledger.changes());
  for (const [, kind, name] of made.matchAll(/^add (chain|set) inet t (\S+)/gm)) {
    assert.ok(gone.includes(`delete ${kind} inet t ${name}\n`), `${kind} ${name} stays`);
  }
});

test('one backend of ten thousand that goes changes its own chain and the way there', () => {
  const all = pods(10_000);
  const script = scriptFor([route(all)], [route(all.filter((_, index) => index !== 4711))]);
  assert.equal(script.filter((line) => line.startsWith('flush chain')).length, 2);
  assert.equal(script.filter((line) => line.startsWith('add rule')).length, 2);
  assert.ok(script.some((line) => line.includes('numgen random mod 9999 vmap')));
  assert.ok(script.join('\n').length < 40_000);
});

test('backends that share chains are all met equally often', () => {
  const rules = new Map(
    factsOf(route(pods(1000)))
      .filter(({ into }) => into === 'chain')
      .map(({ key, value }) => [key, value]),
  );
  const doors = rules.get('inside-cluster-default/web/http/tcp-4') ?? '';
  let next = 0;
  for (const [, first, last, name] of doors.matchAll(/(\d+)(?:-(\d+))? : goto (\S+?)[, ]/g)) {
    assert.equal(Number(first), next);
    next = Number(last ?? first) + 1;
    const behind = rules.get(name as string)?.match(/10\.244\.\d+\.\d+/g) ?? [];
    assert.equal(behind.length, next - Number(first));
  }
  assert.equal(next, 1000);
});

test('two services that claim one address are settled the same way in either order', () => {
  const first = route(pods(1), { name: 'a', scope: 'external', vip: '198.51.100.1' });
  const second = route(pods(1), { name: 'b', scope: 'external', vip: '198.51.100.1' });
  const claim = (lines: readonly string[]) => lines.find((line) => line.startsWith('add element inet t services4'));
  assert.equal(claim(scriptFor([], [first, second])), claim(scriptFor([], [second, first])));
  assert.match(claim(scriptFor([first, second], [second])) ?? '', /goto inside-default\/b/);
});

test('clients from outside have a way of their own where only pods of this node may answer', () => {
  const local = route(pods(2), { scope: 'node', vip: '0.0.0.0', port: 30080, outside: pods(1) });
  const script = scriptFor([], [local]);
  assert.ok(script.includes('add element inet t ports4 { tcp . 30080 : goto inside-default/web/http/tcp-4 }'));
  assert.ok(script.includes('add element inet t ports_outside4 { tcp . 30080 : goto outside-default/web/http/tcp-4 }'));
  assert.ok(script.includes('add element inet t kept_ports { 30080 }'));
  const none = scriptFor([], [{ ...local, outside: [], elsewhere: true }]);
  assert.ok(none.includes('add element inet t ports_outside4 { tcp . 30080 : drop }'));
});

test('datagrams to a backend that left are forgotten, one by one or all of a service', () => {
  const udp = (backends: readonly Backend[], more: Partial<Route> = {}) =>
    route(backends, { protocol: 'UDP', port: 53, ...more });
  const place = ['--orig-dst', '10.96.0.10', '--orig-port-dst', '53'];
  assert.deepEqual(staleOf(udp(pods(3)), udp(pods(2))), [[...place, '--dst-nat', '10.244.0.2']]);
  assert.deepEqual(staleOf(udp([]), udp(pods(2))), [place]);
  assert.deepEqual(staleOf(udp(pods(100)), undefined), [place]);
  assert.deepEqual(staleOf(udp(pods(2)), udp(pods(3))), []);
  assert.deepEqual(staleOf(route(pods(3)), route(pods(2))), []);
  const node = { scope: 'node', vip: '::' } as const;
  assert.deepEqual(staleOf(undefined, udp(pods(1), node)), [['--orig-port-dst', '53', '-f', 'ipv6']]);
});
