import { certificateSigningRequests } from '../../api/kinds/certificate-signing-request.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Authorization } from '../auth/authorization.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { refusal } from './refusal.ts';
import { hasSignerRight, isSigningRequest } from './signer-rights.ts';

/** Approving a request needs a right for its signer, besides the one to write approvals. */
export class CertificateApproval implements AdmissionPlugin {
  readonly name = 'CertificateApproval';
  readonly kinds = [certificateSigningRequests];
  readonly #authorization: Authorization;

  constructor(authorization: Authorization) {
    this.#authorization = authorization;
  }

  async validate(_object: KubeObject | undefined, request: AdmissionRequest): Promise<void> {
    const { operation, kind, route, caller, previous } = request;
    if (operation !== 'UPDATE' || !isSigningRequest(kind) || route.subresource !== 'approval') return;
    const { signerName: signer = '' } = (previous?.spec ?? {}) as { readonly signerName?: string };
    if (await hasSignerRight(this.#authorization, { caller, verb: 'approve', signer })) return;
    throw refusal(request, `user not permitted to approve requests with signerName ${JSON.stringify(signer)}`);
  }
}
