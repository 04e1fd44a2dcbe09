import { certificateSigningRequests } from '../../api/kinds/certificate-signing-request.ts';
import type { Caller } from '../../api/wire.ts';
import type { Authorization } from '../auth/authorization.ts';

const { group, plural } = certificateSigningRequests;

export const isSigningRequest = (kind: { readonly group: string; readonly plural: string }): boolean =>
  kind.group === group && kind.plural === plural;

/** Whether somebody may do this with requests to a signer: named alone, or by its whole domain. */
export async function hasSignerRight(
  authorization: Authorization,
  asked: { readonly caller: Caller; readonly verb: 'approve' | 'sign'; readonly signer: string },
): Promise<boolean> {
  const { caller, verb, signer } = asked;
  const right = { caller, verb, group, version: '*', resource: 'signers', subresource: '', namespace: '' };
  if (await authorization.allows({ ...right, name: signer })) return true;
  const [domain = ''] = signer.split('/');
  return authorization.allows({ ...right, name: `${domain}/*` });
}
