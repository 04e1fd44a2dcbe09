import { ApiError } from '../../api/error.ts';
import type { ApiResponse } from '../../api/wire.ts';
import { encodeText, type Json } from '../../base/json.ts';
import type { TokenSigning } from './service-account-tokens.ts';

const keysPath = '/openid/v1/jwks';
const configurationPath = '/.well-known/openid-configuration';
const keysType = 'application/jwk-set+json';
const cacheSeconds = 3600;

/** What others need in order to verify the cluster's tokens without asking it about each. */
export function issuerDocument(path: string, accept: string, at: IssuerPlace): ApiResponse | undefined {
  if (path === keysPath) return document({ keys: at.signing.publicKeys }, keysType, accept);
  if (path !== configurationPath) return undefined;
  const configuration = {
    issuer: at.signing.issuer,
    jwks_uri: `https://${at.address}${keysPath}`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  };
  return document(configuration, 'application/json', accept);
}

export const issuerPaths: readonly string[] = [configurationPath, keysPath];

interface IssuerPlace {
  readonly signing: TokenSigning;
  /** host:port under which this server is reached. */
  readonly address: string;
}

function document(value: Json, mediaType: string, accept: string): ApiResponse {
  const ranges = accept.split(',').map((range) => (range.split(';')[0] as string).trim());
  if (accept !== '' && !ranges.some((range) => ['*/*', 'application/*', mediaType].includes(range))) {
    throw new ApiError('NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${mediaType}`);
  }
  return {
    status: 200,
    headers: { 'cache-control': `public, max-age=${cacheSeconds}` },
    body: { bytes: encodeText(JSON.stringify(value)), mediaType },
  };
}
