import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machineClock } from './clock.ts';
import { machineCrypto } from './crypto.ts';
import { hostEnv } from './env.ts';
import { jsonLog } from './log.ts';
import { metricsRegistry } from './metrics.ts';

test('the machine clock fires once, and not at all when cancelled', async () => {
  let fired = 0;
  machineClock.after(1, () => fired++)();
  await new Promise<void>((resolve) => machineClock.after(5, resolve));
  assert.equal(fired, 0);
});

test('who waits for nothing has the next turn, before any timer', async () => {
  const order: string[] = [];
  machineClock.after(0, () => order.push('never'))();
  machineClock.after(0, () => order.push('ours'));
  await new Promise<void>((resolve) => setImmediate(resolve));
  assert.deepEqual(order, ['ours']);
});

test('a delay beyond 32 bits does not fire at once', async () => {
  let fired = 0;
  const cancel = machineClock.after(2 ** 40, () => fired++);
  await new Promise<void>((resolve) => machineClock.after(5, resolve));
  cancel();
  assert.equal(fired, 0);
});

test('two environments draw different chance and the forks of one differ', () => {
  const env = hostEnv();
  assert.notEqual(env.random.suffix(20), hostEnv().random.suffix(20));
  assert.notEqual(env.random.fork('a').suffix(20), env.random.fork('b').suffix(20));
  assert.match(env.random.uid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
});

test('the log writes one JSON line per message, errors and cycles included', () => {
  const lines: string[] = [];
  const log = jsonLog({ write: (line) => lines.push(line), fields: { part: 'server' } });
  const cycle: { self?: object } = {};
  cycle.self = cycle;
  log.debug('hidden');
  log.info('started', { port: 1 });
  log.error('broken', { error: new Error('no disk') });
  log.error('odd', cycle);
  const [started, broken, odd] = lines.map((line) => JSON.parse(line));
  assert.equal(lines.length, 3);
  assert.deepEqual([started.level, started.message, started.part, started.port], ['info', 'started', 'server', 1]);
  assert.equal(broken.error.message, 'no disk');
  assert.match(odd.unwritable, /circular/i);
});

test('the metrics registry renders counters, gauges and histograms as Prometheus reads them', () => {
  const metrics = metricsRegistry({ help: { requests_total: 'Requests.' }, buckets: { seconds: [0.1, 1] } });
  metrics.count('requests_total', { verb: 'GET', code: '200' });
  metrics.count('requests_total', { code: '200', verb: 'GET' }, 2);
  metrics.gauge('depth', 3, { queue: 'a"b\n' });
  for (const value of [0.05, 0.5, 5]) metrics.observe('seconds', value);
  assert.deepEqual(metrics.render().trimEnd().split('\n'), [
    '# TYPE depth gauge',
    'depth{queue="a\\"b\\n"} 3',
    '# HELP requests_total Requests.',
    '# TYPE requests_total counter',
    'requests_total{code="200",verb="GET"} 3',
    '# TYPE seconds histogram',
    'seconds_bucket{le="0.1"} 1',
    'seconds_bucket{le="1"} 2',
    'seconds_bucket{le="+Inf"} 3',
    'seconds_sum 5.55',
    'seconds_count 3',
  ]);
});

test('what is sealed opens again, and a changed byte does not', () => {
  const crypto = machineCrypto();
  const sealed = crypto.seal(Buffer.from('secret'));
  assert.equal(Buffer.from(crypto.open(sealed)).toString(), 'secret');
  sealed[sealed.length - 1] = (sealed[sealed.length - 1] as number) ^ 1;
  assert.throws(() => crypto.open(sealed));
});

test('a signature is 64 bytes and is believed only under its own key', () => {
  const crypto = machineCrypto();
  const signature = crypto.sign(Buffer.from('token'));
  assert.equal(signature.length, 64);
  assert.equal(crypto.verify(Buffer.from('token'), signature, crypto.keyId), true);
  assert.equal(crypto.verify(Buffer.from('tokem'), signature, crypto.keyId), false);
  assert.equal(crypto.verify(Buffer.from('token'), signature, machineCrypto().keyId), false);
  assert.equal(crypto.digest(Buffer.from('')).slice(0, 8), 'e3b0c442');
});

test('a process shows its own memory, time and start with its figures', () => {
  const { metrics } = hostEnv();
  metrics.count('asked_total');
  const shown = metrics.render();
  const figure = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(shown)?.[1]);
  assert.equal(figure('asked_total'), 1);
  assert.ok(figure('process_resident_memory_bytes') > 1_000_000);
  assert.ok(figure('process_cpu_seconds_total') > 0);
  assert.ok(Math.abs(figure('process_start_time_seconds') - Date.now() / 1000) < 3600);
});
