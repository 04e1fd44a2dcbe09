import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricsRegistry } from './metrics.ts';

test('Labels in any order are one series, whether they are kept or made anew', () => {
  const registry = metricsRegistry();
  const kept = Object.freeze({ a: '1', b: '2' });
  registry.count('seen_total', kept);
  registry.count('seen_total', kept);
  registry.count('seen_total', { b: '2', a: '1' }, 3);
  registry.count('seen_total', Object.freeze({ b: '2', a: '1' }));
  assert.equal(registry.render(), '# TYPE seen_total counter\nseen_total{a="1",b="2"} 6\n');
});

test('A value falls under the first bound that holds it, as often as it was seen', () => {
  const registry = metricsRegistry({ buckets: { took: [0, 1] } });
  registry.observe('took', 0, undefined, 3);
  registry.observe('took', 0.5);
  registry.observe('took', 7, undefined, 2);
  const lines = ['took_bucket{le="0"} 3', 'took_bucket{le="1"} 4', 'took_bucket{le="+Inf"} 6'];
  assert.equal(registry.render(), `# TYPE took histogram\n${lines.join('\n')}\ntook_sum 14.5\ntook_count 6\n`);
});

test('Series without end are counted in one place, and those that are there go on', () => {
  const registry = metricsRegistry();
  for (let n = 0; n < 10_002; n++) registry.gauge('many', n, { n: String(n) });
  registry.gauge('many', 5, Object.freeze({ n: 'new' }));
  registry.gauge('many', 77, { n: '0' });
  const text = registry.render();
  assert.ok(text.includes('mini_k8s_metrics_dropped_total{metric="many"} 3\n'));
  assert.ok(text.includes('many{n="0"} 77\n'));
});

test('A name is of one type only', () => {
  const registry = metricsRegistry();
  registry.count('seen_total');
  assert.throws(() => registry.gauge('seen_total', 1), /metric seen_total is a counter, not a gauge/);
});

test('What was counted shows in its order, however much that is, and no part of it twice', () => {
  const registry = metricsRegistry();
  const lines = (count: number) =>
    `# TYPE last gauge\nlast ${count}\n# TYPE seen_total counter\nseen_total{by="one"} ${count}\n`;
  const one = Object.freeze({ by: 'one' });
  for (let n = 1; n <= 3_000; n++) {
    registry.count('seen_total', one);
    registry.gauge('last', n);
    if (n % 999 === 0) assert.equal(registry.render(), lines(n));
  }
  assert.equal(registry.render(), lines(3_000));
});
