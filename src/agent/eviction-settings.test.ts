import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EvictionTexts, evictionSettings, parseThresholds } from './eviction-settings.ts';

const mebi = 2 ** 20;
const nothing: EvictionTexts = {
  hard: '',
  soft: '',
  softGracePeriod: '',
  maxPodGracePeriodSeconds: 0,
  minimumReclaim: '',
  pressureTransitionPeriod: '5m0s',
};

test('Thresholds are amounts or shares, and what is none of them is named', () => {
  assert.deepEqual(parseThresholds('nodefs.available<5%, memory.available<100Mi'), [
    { signal: 'nodefs.available', below: { percent: 5 } },
    { signal: 'memory.available', below: { amount: 100 * mebi } },
  ]);
  assert.throws(() => parseThresholds('memory<100Mi'), /"memory" is no signal; these are: memory.available/);
  assert.throws(() => parseThresholds('memory.available<much'), /"much" is neither an amount .* nor a share/);
  assert.deepEqual(parseThresholds(''), []);
});

test('A soft threshold has its patience, and every one may have to be passed by far', () => {
  const settings = evictionSettings({
    hard: 'memory.available<100Mi',
    soft: 'memory.available<300Mi',
    softGracePeriod: 'memory.available=1m30s',
    maxPodGracePeriodSeconds: 20,
    minimumReclaim: 'memory.available=50Mi',
    pressureTransitionPeriod: '30s',
  });
  const reclaim = { amount: 50 * mebi };
  assert.deepEqual(settings, {
    thresholds: [
      { signal: 'memory.available', below: { amount: 100 * mebi }, reclaim },
      { signal: 'memory.available', below: { amount: 300 * mebi }, patienceMs: 90_000, reclaim },
    ],
    podGraceMs: 20_000,
    transitionMs: 30_000,
  });
});

test('What is wrong is said of the setting that it stands in', () => {
  const wrong = (texts: Partial<EvictionTexts>) => {
    try {
      evictionSettings({ ...nothing, ...texts });
      return 'nothing';
    } catch (error) {
      const { setting, message } = error as { readonly setting: string; readonly message: string };
      return `${setting}: ${message}`;
    }
  };
  assert.equal(
    wrong({ soft: 'pid.available<10%' }),
    'softGracePeriod: grace period must be specified for the soft eviction threshold pid.available',
  );
  assert.match(wrong({ softGracePeriod: 'memory.available=soon' }), /^softGracePeriod: .*"soon" is not a wait such as/);
  assert.match(wrong({ minimumReclaim: 'memory.available=x' }), /^minimumReclaim: memory.available: "x" is neither/);
  assert.match(wrong({ pressureTransitionPeriod: '-1s' }), /^pressureTransitionPeriod: "-1s" is not a duration/);
  assert.equal(wrong({}), 'nothing');
});
