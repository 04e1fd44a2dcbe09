import { certificateSigningRequests } from '../../api/kinds/certificate-signing-request.ts';
import type { KubeObject } from '../../api/object.ts';
import { equalJson, type Json } from '../../base/json.ts';
import type { Authorization } from '../auth/authorization.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { refusal } from './refusal.ts';
import { hasSignerRight, isSigningRequest } from './signer-rights.ts';

interface Status {
  readonly certificate?: Json;
  readonly conditions?: Json;
}

/** Whoever writes a certificate, or says that there will be none, needs a right for the signer. */
export class CertificateSigning implements AdmissionPlugin {
  readonly name = 'CertificateSigning';
  readonly kinds = [certificateSigningRequests];
  readonly #authorization: Authorization;

  constructor(authorization: Authorization) {
    this.#authorization = authorization;
  }

  async validate(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> {
    const { operation, kind, route, caller, previous } = request;
    if (operation !== 'UPDATE' || !isSigningRequest(kind) || route.subresource !== 'status') return;
    const after = (object?.status ?? {}) as Status;
    const before = (previous?.status ?? {}) as Status;
    const same =
      (after.certificate ?? '') === (before.certificate ?? '') &&
      equalJson(after.conditions ?? [], before.conditions ?? []);
    if (same) return;
    const { signerName: signer = '' } = (previous?.spec ?? {}) as { readonly signerName?: string };
    if (await hasSignerRight(this.#authorization, { caller, verb: 'sign', signer })) return;
    throw refusal(request, `user not permitted to sign requests with signerName ${JSON.stringify(signer)}`);
  }
}
