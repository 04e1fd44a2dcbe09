import { readRequest } from '../api/kinds/certificate-request.ts';
import { kubeletClientFault, kubeletClientSigner } from '../api/kinds/certificate-signers.ts';
import {
  type CertificateSigningRequest,
  certificateSigningRequests,
} from '../api/kinds/certificate-signing-request.ts';
import { type Part, partOf, partsOf, textOf, textsOf } from '../api/kinds/defaulting.ts';
import { type Key, keyOf } from '../api/object.ts';
import type { Instant, Random } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import {
  type Answer,
  type Controller,
  nothing,
  type Plan,
  type Question,
  type Source,
} from '../machinery/controller.ts';
import { OpenCertificateRequests } from './open-certificate-requests.ts';

interface Recognizer {
  /** What the requestor must be allowed to do. */
  readonly subresource: string;
  readonly message: string;
}
const own: Recognizer = {
  subresource: 'selfnodeclient',
  message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
};
const any: Recognizer = {
  subresource: 'nodeclient',
  message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
};

const renewal = 'Auto approving self kubelet client certificate: the node renews its own.';

/** Approves what nodes ask for to be known by: themselves anew, or whatever they have the right to ask for. */
export class CertificateApprover implements Controller<CertificateSigningRequest> {
  readonly name = 'certificatesigningrequest-approving-controller';
  readonly #open: OpenCertificateRequests;

  constructor(requests: Cache<CertificateSigningRequest>) {
    this.#open = new OpenCertificateRequests(requests);
  }

  sources(): readonly Source[] {
    return this.#open.sources();
  }

  observe(key: Key): CertificateSigningRequest | undefined {
    const open = this.#open.at(key);
    return open && !open.conditions.has('Approved') && !open.conditions.has('Denied') ? open.request : undefined;
  }

  wants(request: CertificateSigningRequest): readonly Question[] {
    if (isRenewal(request)) return [];
    return recognized(request).map(({ subresource }) => ({
      path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      body: reviewOf(partOf(request.spec), subresource),
    }));
  }

  plan(request: CertificateSigningRequest, _now: Instant, _random: Random, answers: readonly Answer[] = []): Plan {
    const allowed = recognized(request).find((_recognizer, at) => isAllowed(answers[at]));
    const message = isRenewal(request) ? renewal : allowed?.message;
    if (message === undefined) return nothing;
    const condition = { type: 'Approved', status: 'True', reason: 'AutoApproved', message };
    const conditions = [...partsOf(partOf(request.status).conditions), condition] as unknown as Json;
    const { resourceVersion } = request.metadata;
    const patch = { metadata: { resourceVersion }, status: { conditions } };
    const subresource = 'approval';
    return {
      actions: [[act({ verb: 'patch', kind: certificateSigningRequests, key: keyOf(request), patch, subresource })]],
    };
  }
}

/**
 * A node that is known as itself may go on being itself. Upstream asks for a right that every installer gives to every
 * node; a cluster without an installer would lose its nodes when their first certificates end.
 */
function isRenewal(request: CertificateSigningRequest): boolean {
  return recognized(request).includes(own) && textsOf(partOf(request.spec).groups).includes('system:nodes');
}

function recognized(request: CertificateSigningRequest): readonly Recognizer[] {
  const spec = partOf(request.spec);
  const asked = readRequest(textOf(spec.request));
  if (spec.signerName !== kubeletClientSigner || !asked) return [];
  if (kubeletClientFault(asked, textsOf(spec.usages)) !== undefined) return [];
  return asked.commonName === spec.username ? [own, any] : [any];
}

function reviewOf({ username, uid, groups, extra }: Part, subresource: string): Json {
  const resource = 'certificatesigningrequests';
  return {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: textOf(username),
      ...(uid ? { uid: textOf(uid) } : {}),
      groups: textsOf(groups),
      ...(extra ? { extra: extra as Json } : {}),
      resourceAttributes: { group: 'certificates.k8s.io', resource, verb: 'create', subresource, version: '*' },
    },
  };
}

function isAllowed(answer: Answer | undefined): boolean {
  if (!answer || 'error' in answer) return false;
  return partOf(partOf(answer.found).status).allowed === true;
}
