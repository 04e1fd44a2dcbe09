import { readRequest } from '../../api/kinds/certificate-request.ts';
import { clientSigner } from '../../api/kinds/certificate-signers.ts';
import { certificateSigningRequests } from '../../api/kinds/certificate-signing-request.ts';
import type { KubeObject } from '../../api/object.ts';
import { mastersGroup } from '../attributes.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { refusal } from './refusal.ts';
import { isSigningRequest } from './signer-rights.ts';

/** Nobody asks for a client certificate of the group that may do everything. */
export class CertificateSubjectRestriction implements AdmissionPlugin {
  readonly name = 'CertificateSubjectRestriction';
  readonly kinds = [certificateSigningRequests];

  validate(object: KubeObject | undefined, request: AdmissionRequest): void {
    const { operation, kind, route } = request;
    if (operation !== 'CREATE' || !isSigningRequest(kind) || route.subresource !== '' || !object) return;
    const { signerName, request: encoded = '' } = object.spec as {
      readonly signerName: string;
      readonly request: string;
    };
    if (signerName !== clientSigner) return;
    const asked = readRequest(encoded);
    if (!asked) throw refusal(request, 'failed to parse CSR: asn1: syntax error');
    if (!asked.organizations.includes(mastersGroup)) return;
    throw refusal(request, `use of ${signerName} signer with ${mastersGroup} group is not allowed`);
  }
}
