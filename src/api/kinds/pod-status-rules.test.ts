import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../base/env.ts';
import { type Pod, pods } from './pod.ts';

const context = { now: 0 as Instant, subresource: 'status' };
const container = { name: 'c', image: 'i' };
const podOf = (spec: object, status: object): Pod =>
  pods.rules.defaults?.({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', uid: 'u' },
    spec: { containers: [container], serviceAccountName: 'default', ...spec },
    status,
  } as unknown as Pod) as Pod;

interface Change {
  readonly spec?: object;
  readonly before?: object;
}
/** What a node says of a pod that was there. */
function written(status: object, { spec = {}, before = {} }: Change = {}) {
  const previous = podOf(spec, { qosClass: 'BestEffort', ...before });
  const next = pods.rules.prepareUpdate?.(podOf(spec, status), previous, context) as Pod;
  const errors = pods.rules.validate?.(next, previous, context) ?? [];
  return { next, errors: errors.map(({ path, type }) => `${path} ${type}`) };
}

const inState = (state: object) => ({ containerStatuses: [{ name: 'c', state }] });
const running = inState({ running: {} });
const ended = (exitCode: number) => inState({ terminated: { exitCode } });
const beganAgain = 'status.containerStatuses[0].state Forbidden';
const ruled = (action: string) => ({
  restartPolicy: 'Never',
  containers: [
    {
      ...container,
      restartPolicy: 'Never',
      restartPolicyRules: [{ action, exitCodes: { operator: 'In', values: [42] } }],
    },
  ],
});
const healthOf = (...statuses: readonly object[]) => ({
  containerStatuses: [{ name: 'c', allocatedResourcesStatus: statuses }],
});
const health = 'status.containerStatuses[0].allocatedResourcesStatus[0]';
const wanting = {
  containers: [
    { ...container, resources: { requests: { 'a.b/gpu': '1' }, limits: { 'a.b/gpu': '1' }, claims: [{ name: 'x' }] } },
  ],
};
const claimOf = (containerName: string, resourceName: string, name = 'made') => ({
  extendedResourceClaimStatus: {
    resourceClaimName: name,
    requestMappings: [{ containerName, resourceName, requestName: 'r' }],
  },
});

const cases: readonly (readonly [claim: string, status: object, change: Change, ...errors: readonly string[]])[] = [
  ['how well a pod is promised stays', { qosClass: 'Guaranteed' }, {}, 'status.qosClass Invalid'],
  [
    'what ended for good does not begin again',
    running,
    { spec: { restartPolicy: 'Never' }, before: ended(1) },
    beganAgain,
  ],
  ['what failed may be tried again', running, { spec: { restartPolicy: 'OnFailure' }, before: ended(1) }],
  ['what came to its end is not', running, { spec: { restartPolicy: 'OnFailure' }, before: ended(0) }, beganAgain],
  ['a rule for an exit code lets it begin again', running, { spec: ruled('Restart'), before: ended(42) }],
  ['and not after another one', running, { spec: ruled('Restart'), before: ended(1) }, beganAgain],
  ['where one may end all, all may begin again', running, { spec: ruled('RestartAllContainers'), before: ended(1) }],
  ['a pod without a node may hope for one', { nominatedNodeName: 'n' }, {}],
  [
    'a pod with a node does not',
    { nominatedNodeName: 'n' },
    { spec: { nodeName: 'm' } },
    'status.nominatedNodeName Forbidden',
  ],
  [
    'addresses are written as they should be',
    { hostIP: '010.0.0.1', hostIPs: [{ ip: '010.0.0.1' }] },
    {},
    'status.hostIPs[0] Invalid',
  ],
  [
    'unless they were so before',
    { hostIP: '010.0.0.1', hostIPs: [{ ip: '010.0.0.1' }] },
    { before: { hostIPs: [{ ip: '010.0.0.1' }] } },
  ],
  [
    'of each family there is one address',
    { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }] },
    {},
    'status.podIPs Invalid',
  ],
  [
    'what is no address has no family',
    { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'x' }] },
    {},
    ...['status.podIPs[1] Invalid', 'status.podIPs Internal', 'status.podIPs Invalid'],
  ],
  [
    'users are numbers that a system has',
    { containerStatuses: [{ name: 'c', user: { linux: { uid: -1, gid: 0, supplementalGroups: [-2] } } }] },
    {},
    'status.containerStatuses[0].user.linux.uid Invalid',
    'status.containerStatuses[0].user.linux.supplementalGroups[0] Invalid',
  ],
  ['devices that are asked for are well or not', healthOf({ name: 'a.b/gpu' }, { name: 'claim:x' }), { spec: wanting }],
  [
    'each is named once, and in words that are known',
    healthOf({
      name: 'a.b/gpu',
      resources: [
        { resourceID: '1', health: 'Odd' },
        { resourceID: '1', health: 'Healthy' },
      ],
    }),
    { spec: wanting },
    ...[`${health}.resources[0].health NotSupported`, `${health}.resources[1].resourceID Duplicate`],
  ],
  ['others are not', healthOf({ name: 'a.b/other' }), { spec: wanting }, `${health}.name Invalid`],
  ['a claim may stand for devices', claimOf('c', 'a.b/gpu'), { spec: wanting }],
  [
    'for those of the pod alone',
    claimOf('d', 'a.b/gpu', 'A'),
    { spec: wanting },
    'status.extendedResourceClaimStatus.requestMappings[0].containerName Invalid',
    'status.extendedResourceClaimStatus.resourceClaimName Invalid',
  ],
];
for (const [claim, status, change, ...errors] of cases) {
  test(`Of the status of a pod: ${claim}`, () => assert.deepEqual(written(status, change).errors, errors));
}

test('The old field for an address and the first of the new list are one', () => {
  assert.deepEqual(written({ podIP: '10.0.0.1' }).next.status?.podIPs, [{ ip: '10.0.0.1' }]);
  assert.equal(written({ podIPs: [{ ip: '10.0.0.1' }] }).next.status?.podIP, '10.0.0.1');
});
