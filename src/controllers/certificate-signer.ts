import { isApiError } from '../api/error.ts';
import { readRequest } from '../api/kinds/certificate-request.ts';
import { ownSigners, signerFault } from '../api/kinds/certificate-signers.ts';
import {
  type CertificateSigningRequest,
  certificateSigningRequests,
} from '../api/kinds/certificate-signing-request.ts';
import { partOf, partsOf, textOf, textsOf } from '../api/kinds/defaulting.ts';
import { type Key, keyOf } from '../api/object.ts';
import type { Instant, Random } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import { type Action, act } from '../client/action.ts';
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

const againMs = 5_000;

/** Has what was approved signed, and says why it is not where it must not be. */
export class CertificateSigner implements Controller<CertificateSigningRequest> {
  readonly name = 'certificatesigningrequest-signing-controller';
  readonly #open: OpenCertificateRequests;

  constructor(requests: Cache<CertificateSigningRequest>) {
    this.#open = new OpenCertificateRequests(requests);
  }

  sources(): readonly Source[] {
    return this.#open.sources();
  }

  observe(key: Key): CertificateSigningRequest | undefined {
    const open = this.#open.at(key);
    if (!open) return undefined;
    const { request, conditions } = open;
    const isDue = conditions.has('Approved') && !conditions.has('Denied') && !conditions.has('Failed');
    return isDue && ownSigners.includes(textOf(partOf(request.spec).signerName)) ? request : undefined;
  }

  wants(request: CertificateSigningRequest): readonly Question[] {
    const { name } = request.metadata;
    return faultOf(request) === undefined ? [{ path: `/mini-k8s/certificates/${encodeURIComponent(name)}` }] : [];
  }

  plan(request: CertificateSigningRequest, _now: Instant, _random: Random, answers: readonly Answer[] = []): Plan {
    const fault = faultOf(request);
    if (fault !== undefined) {
      const condition = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: fault };
      const conditions = [...partsOf(partOf(request.status).conditions), condition] as unknown as Json;
      return { actions: [[written(request, { conditions })]] };
    }
    const [answer] = answers;
    if (!answer) return nothing;
    // A server that has no authority signs nothing; one that is away will be back.
    if ('error' in answer) return isApiError(answer.error, 'NotFound') ? nothing : { actions: [], again: againMs };
    return { actions: [[written(request, { certificate: textOf(partOf(answer.found).certificate) })]] };
  }
}

function faultOf({ spec: given }: CertificateSigningRequest): string | undefined {
  const spec = partOf(given);
  const asked = readRequest(textOf(spec.request));
  if (!asked) return 'unable to parse the request';
  return signerFault(textOf(spec.signerName), asked, textsOf(spec.usages));
}

function written(request: CertificateSigningRequest, status: Readonly<Record<string, Json>>): Action {
  const { resourceVersion } = request.metadata;
  const patch = { metadata: { resourceVersion }, status };
  return act({
    verb: 'patch',
    kind: certificateSigningRequests,
    key: keyOf(request),
    patch,
    subresource: 'status',
  });
}
