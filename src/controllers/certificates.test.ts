import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import {
  type CertificateSigningRequest,
  certificateSigningRequests,
} from '../api/kinds/certificate-signing-request.ts';
import { encodeBase64 } from '../base/base64.ts';
import type { Env, Instant, Random } from '../base/env.ts';
import { encodeText } from '../base/json.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { ofNode } from '../server/auth/node-request.test-data.ts';
import { CertificateApprover } from './certificate-approver.ts';
import { CertificateCleaner } from './certificate-cleaner.ts';
import { CertificateSigner } from './certificate-signer.ts';

const now = Date.parse('2026-01-01T02:00:00Z') as Instant;
const random = {} as Random;
const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const requests = new Cache({} as Env, unused, certificateSigningRequests);
const approver = new CertificateApprover(requests);
const signer = new CertificateSigner(requests);
const cleaner = new CertificateCleaner(requests);
const key = { namespace: '', name: 'r' };

const request = (spec: object = {}, conditions: readonly object[] = []): CertificateSigningRequest => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name: 'r', uid: 'r', resourceVersion: '3', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: {
    request: encodeBase64(encodeText(ofNode)),
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    usages: ['client auth', 'digital signature'],
    username: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers'],
    ...spec,
  },
  status: { conditions },
});
const approved = [{ type: 'Approved', status: 'True', lastUpdateTime: '2026-01-01T01:30:00Z' }];
const allowed = { found: { status: { allowed: true } } };
const denied = { found: { status: { allowed: false } } };

test('CertificateApprover approves a node that asks for itself anew, and asks nobody about it', () => {
  const own = request({ username: 'system:node:node-a', groups: ['system:nodes', 'system:authenticated'] });
  assert.deepEqual(approver.wants(own), []);
  assert.equal(approver.plan(own, now, random).actions.length, 1);
  for (const other of [
    request({ username: 'system:node:node-b', groups: ['system:nodes'] }),
    request({ username: 'system:node:node-a', groups: ['system:authenticated'] }),
  ]) {
    assert.notDeepEqual(approver.wants(other), []);
    assert.deepEqual(approver.plan(other, now, random, [denied, denied]).actions, []);
  }
});

test('CertificateApprover approves a node that may ask, and says by which right', () => {
  const [question] = approver.wants(request());
  assert.deepEqual(question?.body, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: 'system:bootstrap:abcdef',
      groups: ['system:bootstrappers'],
      resourceAttributes: {
        group: 'certificates.k8s.io',
        resource: 'certificatesigningrequests',
        verb: 'create',
        subresource: 'nodeclient',
        version: '*',
      },
    },
  });
  const told = (given: CertificateSigningRequest, answers: readonly (typeof allowed)[]) =>
    approver
      .plan(given, now, random, answers)
      .actions.flat()
      .map((action) => action.verb === 'patch' && action.patch);
  const condition = (message: string) => ({
    metadata: { resourceVersion: '3' },
    status: { conditions: [{ type: 'Approved', status: 'True', reason: 'AutoApproved', message }] },
  });
  assert.deepEqual(told(request(), [allowed]), [
    condition('Auto approving kubelet client certificate after SubjectAccessReview.'),
  ]);
  assert.deepEqual(told(request(), [denied]), []);
  const self = request({ username: 'system:node:node-a' });
  assert.deepEqual(told(self, [allowed, denied]), [
    condition('Auto approving self kubelet client certificate after SubjectAccessReview.'),
  ]);
  assert.deepEqual(approver.wants(request({ usages: ['server auth'] })), []);
});

test('CertificateSigner writes what the server signed, and why it may not', () => {
  const asked = request({}, approved);
  assert.deepEqual(signer.wants(asked), [{ path: '/mini-k8s/certificates/r' }]);
  const patches = (given: CertificateSigningRequest, answers: Parameters<CertificateSigner['plan']>[3]) =>
    signer.plan(given, now, random, answers).actions.flat();
  assert.deepEqual(patches(asked, [{ found: { certificate: 'Y2VydA==' } }]), [
    {
      verb: 'patch',
      kind: certificateSigningRequests,
      key,
      patch: { metadata: { resourceVersion: '3' }, status: { certificate: 'Y2VydA==' } },
      subresource: 'status',
    },
  ]);
  assert.deepEqual(patches(asked, [{ error: new ApiError('NotFound', 'no authority') }]), []);
  const [failed] = patches(request({ usages: ['server auth'] }, approved), []);
  const { conditions } = (failed as unknown as { patch: { status: { conditions: object[] } } }).patch.status;
  assert.deepEqual(conditions[1], {
    type: 'Failed',
    status: 'True',
    reason: 'SignerValidationFailure',
    message: 'usages did not match [client auth digital signature key encipherment]',
  });
});

test('CertificateCleaner removes requests an hour after they were decided, and a day after they were made', () => {
  assert.deepEqual(cleaner.plan(request({}, approved), now), { actions: [], again: 30 * 60_000 });
  assert.deepEqual(cleaner.plan(request(), now), { actions: [], again: 22 * 60 * 60_000 });
  const later = (now + 30 * 60_000) as Instant;
  assert.deepEqual(cleaner.plan(request({}, approved), later).actions, [
    [{ verb: 'delete', kind: certificateSigningRequests, key, uid: 'r' }],
  ]);
});
