import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { type ResourceClaim, resourceClaims } from '../api/kinds/resource-claim.ts';
import { type ResourceClaimTemplate, resourceClaimTemplates } from '../api/kinds/resource-claim-template.ts';
import type { Env } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { ResourceClaimController } from './resource-claims.ts';

const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const controller = new ResourceClaimController(
  new Cache({} as Env, unused, pods),
  new Cache({} as Env, unused, resourceClaims),
  new Cache({} as Env, unused, resourceClaimTemplates),
);
const meta = (name: string) => ({
  name,
  namespace: 'n',
  uid: name,
  resourceVersion: '3',
  creationTimestamp: '2026-01-01T00:00:00Z',
});
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: meta('p'),
  spec: { containers: [], resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 'big' }] },
} as unknown as Pod;
const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'p', controller: true, blockOwnerDeletion: true };
const claim = (status: object = {}): ResourceClaim => ({
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceClaim',
  metadata: {
    ...meta('p-gpu-x'),
    ownerReferences: [owner],
    annotations: { 'resource.kubernetes.io/pod-claim-name': 'gpu' },
  },
  spec: {},
  status: status as ResourceClaim['status'] & object,
});
const template = {
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceClaimTemplate',
  metadata: meta('big'),
  spec: { metadata: { labels: { a: 'b' } }, spec: { devices: {} } },
} as unknown as ResourceClaimTemplate;
const key = { namespace: 'n', name: 'p' };

test('ResourceClaimController makes a claim of its template, and tells the pod its name', () => {
  const plan = (claims: readonly ResourceClaim[], templates = new Map([['big', template]])) =>
    controller.plan({ about: 'pod', pod, claims, templates }).actions.flat();
  const [made] = plan([]);
  assert.deepEqual((made as unknown as { object: ResourceClaim }).object, {
    metadata: {
      generateName: 'p-gpu-',
      namespace: 'n',
      labels: { a: 'b' },
      annotations: { 'resource.kubernetes.io/pod-claim-name': 'gpu' },
      ownerReferences: [owner],
    },
    spec: { devices: {} },
  });
  const patch = { status: { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'p-gpu-x' }] } };
  assert.deepEqual(plan([claim()]), [{ verb: 'patch', kind: pods, key, patch, subresource: 'status' }]);
  assert.deepEqual(
    plan([], new Map()).map((action) => action.verb === 'event' && action.reason),
    ['FailedResourceClaimCreation'],
  );
});

test('ResourceClaimController frees a claim whose pods are done', () => {
  const held = claim({ allocation: {}, reservedFor: [{ resource: 'pods', name: 'p', uid: 'p' }] });
  const plan = (users: readonly string[]) =>
    controller.plan({ about: 'claim', claim: held, users: new Set(users) }).actions.flat();
  assert.deepEqual(plan(['p']), []);
  assert.deepEqual(
    plan([]).map((action) => action.verb === 'patch' && action.patch),
    [
      {
        metadata: { uid: 'p-gpu-x', resourceVersion: '3' },
        status: { reservedFor: null, allocation: null },
      },
    ],
  );
});
