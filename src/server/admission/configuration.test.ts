import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../base/json.ts';
import { admissionConfiguration } from './configuration.ts';

const file = (name: string, configuration: Json): Json => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AdmissionConfiguration',
  plugins: [{ name, configuration }],
});

test('AdmissionConfiguration sets the levels of namespaces that say nothing, and whom nothing holds for', () => {
  const { podSecurity } = admissionConfiguration(
    file('PodSecurity', {
      defaults: { enforce: 'baseline', 'enforce-version': 'v1.30', warn: 'restricted' },
      exemptions: { namespaces: ['kube-system'] },
    }),
  );
  assert.deepEqual(podSecurity?.defaults?.enforce, { level: 'baseline', minor: 30 });
  assert.equal(podSecurity?.defaults?.warn.level, 'restricted');
  assert.equal(podSecurity?.defaults?.audit.level, 'privileged');
  assert.deepEqual(podSecurity?.exemptions?.namespaces, ['kube-system']);
});

test('AdmissionConfiguration sets how many events are heard', () => {
  const limits = [{ type: 'User', qps: 5, burst: 10 }];
  assert.deepEqual(admissionConfiguration(file('EventRateLimit', { limits })).eventLimits, limits);
});

const faults: readonly (readonly [file: Json, sentence: RegExp])[] = [
  [{ kind: 'Pod' }, /no AdmissionConfiguration/],
  [file('LimitRanger', {}), /plugins\[0\]\.name: "LimitRanger" takes none/],
  [file('PodSecurity', { defaults: { enforce: 'strict' } }), /must be one of privileged, baseline, restricted/],
  [file('PodSecurity', { defaults: { forbid: 'x' } }), /defaults\.forbid: unknown/],
  [file('EventRateLimit', { limits: [{ type: 'Pod', qps: 1, burst: 1 }] }), /limits\[0\]\.type/],
];
for (const [given, sentence] of faults) {
  test(`AdmissionConfiguration: ${sentence.source}`, () => {
    assert.throws(() => admissionConfiguration(given), sentence);
  });
}
