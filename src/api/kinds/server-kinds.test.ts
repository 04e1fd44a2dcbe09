import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiServices } from './api-service.ts';
import { certificateSigningRequests } from './certificate-signing-request.ts';
import { eventRecords, events } from './event.ts';
import { flowSchemas } from './flow-schema.ts';
import { judgedBy } from './kind-rules.test-data.ts';
import { priorityLevels } from './priority-level.ts';
import { roles } from './role.ts';

const apiService = (spec: object) => ({
  metadata: { name: 'v1.example.com' },
  spec: { group: 'example.com', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1, ...spec },
});
const flow = (rule: object) => ({
  spec: {
    priorityLevelConfiguration: { name: 'a' },
    rules: [{ subjects: [{ kind: 'User', user: { name: 'u' } }], ...rule }],
  },
});
const level = (queuing: object) => ({
  spec: { type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing } } },
});
const event = { metadata: { name: 'a', namespace: 'n' }, involvedObject: { namespace: 'n' } };
const record = {
  metadata: { name: 'a', namespace: 'n' },
  regarding: { namespace: 'n' },
  eventTime: '2026-01-01T00:00:00.000000Z',
  reportingController: 'c',
  reportingInstance: 'i',
  action: 'a',
  reason: 'r',
  type: 'Normal',
};

type Case = readonly [claim: string, kind: unknown, object: object, ...errors: readonly string[]];
const created: readonly Case[] = [
  ['A local API service may be plain', apiServices, apiService({})],
  [
    'An API service is named after its version and group, and a local one trusts nobody',
    apiServices,
    apiService({ version: 'v2', insecureSkipTLSVerify: true, versionPriority: 1001 }),
    'metadata.name Invalid',
    'spec.versionPriority Invalid',
    'spec.insecureSkipTLSVerify Invalid',
  ],
  ['A flow needs something to match', flowSchemas, flow({}), 'spec.rules[0] Required'],
  [
    'A flow matches verbs, namespaces and paths in their forms',
    flowSchemas,
    flow({
      resourceRules: [{ verbs: ['x'], apiGroups: ['*', 'a'], resources: ['pods'], namespaces: ['A'] }],
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['a//*b'] }],
    }),
    'spec.rules[0].resourceRules[0].verbs NotSupported',
    'spec.rules[0].resourceRules[0].apiGroups Invalid',
    'spec.rules[0].resourceRules[0].namespaces[0] Invalid',
    'spec.rules[0].nonResourceRules[0].nonResourceURLs[0] Invalid',
    'spec.rules[0].nonResourceRules[0].nonResourceURLs[0] Invalid',
    'spec.rules[0].nonResourceRules[0].nonResourceURLs[0] Invalid',
  ],
  [
    'The flow that catches all stays as it is',
    flowSchemas,
    { ...flow({ nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] }), metadata: { name: 'catch-all' } },
    'spec Invalid',
  ],
  ['Queues may be those that are filled in', priorityLevels, level({})],
  [
    'A hand is drawn from the queues without too much chance',
    priorityLevels,
    level({ queues: 1_000_000, handSize: 4 }),
    'spec.limited.limitResponse.queuing.handSize Invalid',
  ],
  [
    'Only the level of that name is exempt',
    priorityLevels,
    { spec: { type: 'Exempt', exempt: {} } },
    'spec.type Invalid',
  ],
  [
    'An event of the core is about its namespace',
    events,
    { ...event, involvedObject: {} },
    'involvedObject.namespace Invalid',
  ],
  ['An event of the newer group may be about another', eventRecords, { ...record, regarding: { namespace: 'm' } }],
  [
    'An event of the newer group says when, and repeats at least twice',
    eventRecords,
    { ...record, eventTime: null, series: { count: 1 }, deprecatedCount: 1 },
    'eventTime Required',
    'series.count Invalid',
    'series.lastObservedTime Required',
    'count Invalid',
  ],
  [
    'A request for a certificate is one, for known uses, by a signer in a domain',
    certificateSigningRequests,
    { spec: { request: 'eA==', usages: ['x'], signerName: 'a/b', expirationSeconds: 599 } },
    'spec.request Invalid',
    'spec.usages[0] NotSupported',
    'spec.signerName Invalid',
    'spec.expirationSeconds Invalid',
  ],
  [
    'A rule of a role has verbs, groups and resources',
    roles,
    { rules: [{}] },
    'rules[0].verbs Required',
    'rules[0].apiGroups Required',
    'rules[0].resources Required',
  ],
];
for (const [claim, kind, object, ...errors] of created) {
  test(claim, () => assert.deepEqual(judgedBy(kind, object), errors));
}

test('An event of the newer group does not change, except for its series', () => {
  const series = { count: 2, lastObservedTime: '2026-01-01T00:00:00.000000Z' };
  assert.deepEqual(judgedBy(eventRecords, { ...record, series }, record), []);
  const changed = { ...record, note: 'x', reportingController: 'd' };
  assert.deepEqual(judgedBy(eventRecords, changed, record), ['message Invalid', 'reportingController Invalid']);
});

test('Who asks for a certificate is who calls, and only an approval approves', () => {
  const { prepareCreate } = certificateSigningRequests.rules;
  const caller = { name: 'jane', groups: ['g'], extra: {} };
  const asked = { metadata: { name: 'a' }, spec: { username: 'admin' }, status: { certificate: 'x' } } as never;
  const made = prepareCreate?.(asked, { now: 0 as never, subresource: '', caller });
  assert.deepEqual([made?.spec, made?.status], [{ username: 'jane', groups: ['g'] }, {}]);
  const approved = { status: { conditions: [{ type: 'Approved', status: 'True' }] } };
  const judged = (subresource: string) => judgedBy(certificateSigningRequests, approved, {}, subresource);
  assert.deepEqual(judged('approval'), []);
  assert.deepEqual(judged('status'), ['status.conditions Forbidden']);
});

test('An event is selected by the names of the group that is asked', () => {
  const fields = eventRecords.rules.fields?.({ ...record, regarding: { name: 'web' } } as never);
  assert.equal(fields?.['regarding.name'], 'web');
  assert.equal(fields?.['involvedObject.name'], undefined);
});
