import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods } from '../../api/kinds/pod.ts';
import { priorityClasses } from '../../api/kinds/priority-class.ts';
import { admitted, admittedSpec, asked, storeWith, whole } from './plugin.test-data.ts';
import { Priority } from './priority.ts';

const high = { metadata: { name: 'high' }, value: 1000, preemptionPolicy: 'Never' };
const usual = { metadata: { name: 'usual' }, value: 7, globalDefault: true };
const higher = { metadata: { name: 'higher' }, value: 9, globalDefault: true };
const pod = (spec: object) => ({ spec: { containers: [], ...spec } });
const must = 'must not be provided in pod spec; priority admission controller computed';

const cases: readonly (readonly [claim: string, classes: readonly object[], spec: object, outcome: unknown])[] = [
  ['no class at all is zero', [], {}, { priority: 0, preemptionPolicy: 'PreemptLowerPriority' }],
  [
    'a class gives its value and its policy',
    [high],
    { priorityClassName: 'high' },
    { priorityClassName: 'high', priority: 1000, preemptionPolicy: 'Never' },
  ],
  [
    'the least of several defaults counts',
    [higher, usual],
    {},
    { priorityClassName: 'usual', priority: 7, preemptionPolicy: 'PreemptLowerPriority' },
  ],
  ['an unknown class is refused', [high], { priorityClassName: 'low' }, 'no PriorityClass with name low was found'],
  [
    'another number is refused',
    [high],
    { priorityClassName: 'high', priority: 5 },
    `the integer value of priority (5) ${must} 1000 from the given PriorityClass name`,
  ],
  [
    'another policy is refused',
    [],
    { preemptionPolicy: 'Never' },
    `the string value of PreemptionPolicy (Never) ${must} PreemptLowerPriority from the given PriorityClass name`,
  ],
];

for (const [claim, classes, spec, outcome] of cases) {
  test(`Priority: ${claim}`, async () => {
    const store = await storeWith(...classes.map((one) => [priorityClasses, one as never] as const));
    const expected = typeof outcome === 'string' ? outcome : { containers: [], ...(outcome as object) };
    assert.deepEqual(await admittedSpec(new Priority(store), pod(spec), asked(pods)), expected);
  });
}

test('Priority: an update that leaves out what was resolved keeps it', async () => {
  const plugin = new Priority(await storeWith());
  const request = asked(pods, { operation: 'UPDATE', previous: whole(pod({ priority: 3 })) });
  assert.deepEqual(await admittedSpec(plugin, pod({}), request), { containers: [], priority: 3 });
});

test('Priority: only one class is the default', async () => {
  const plugin = new Priority(await storeWith([priorityClasses, usual]));
  const other = await admitted(plugin, higher, asked(priorityClasses, { name: 'higher' }));
  assert.equal(other, 'PriorityClass usual is already marked as default. Only one default can exist');
  const again = await admitted(plugin, usual, asked(priorityClasses, { operation: 'UPDATE', name: 'usual' }));
  assert.equal(typeof again, 'object');
});
