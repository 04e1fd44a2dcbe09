import { ApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import { type CertificateRequest, readRequest } from '../api/kinds/certificate-request.ts';
import { ownSigners, signerFault } from '../api/kinds/certificate-signers.ts';
import {
  type CertificateSigningRequest,
  certificateSigningRequests,
} from '../api/kinds/certificate-signing-request.ts';
import type { ApiRequest, ApiResponse } from '../api/wire.ts';
import { encodeBase64 } from '../base/base64.ts';
import type { Millis } from '../base/env.ts';
import { encodeText } from '../base/json.ts';
import type { Store } from '../store/store.ts';
import { storageKey } from './kinds.ts';

/** Who has the key of the cluster's authority. */
export interface CertificateAuthority {
  /** As long as a certificate lives where less was not asked for. */
  readonly longestMs: Millis;
  certify(request: {
    readonly asked: CertificateRequest;
    readonly usages: readonly string[];
    readonly lifetimeMs: Millis;
  }): string;
}

const pathForm = /^\/mini-k8s\/certificates\/([^/]+)$/;
const second: Millis = 1_000;

/**
 * Signs what was approved: the key of the authority is here and nowhere else. What is signed is what the stored request
 * says, so that whoever may ask gains nothing by asking.
 */
export class Certificates {
  readonly #store: Store;
  readonly #authority: CertificateAuthority | undefined;

  constructor(store: Store, authority: CertificateAuthority | undefined) {
    this.#store = store;
    this.#authority = authority;
  }

  answer({ path, method }: ApiRequest): Promise<ApiResponse> | undefined {
    const name = pathForm.exec(path)?.[1];
    if (name === undefined || method !== 'GET' || !this.#authority) return undefined;
    return this.#signed(decodeURIComponent(name), this.#authority);
  }

  async #signed(name: string, authority: CertificateAuthority): Promise<ApiResponse> {
    const key = storageKey(certificateSigningRequests as unknown as Kind, '', name);
    const { entry } = await this.#store.get(key);
    const request = entry?.value as unknown as CertificateSigningRequest | undefined;
    if (!request) throw new ApiError('NotFound', `certificatesigningrequests "${name}" not found`);
    const spec = (request.spec ?? {}) as {
      readonly request?: string;
      readonly signerName?: string;
      readonly usages?: readonly string[];
      readonly expirationSeconds?: number;
    };
    const { request: encoded = '', signerName = '', usages = [], expirationSeconds } = spec;
    const asked = readRequest(encoded);
    if (!isApproved(request) || !ownSigners.includes(signerName) || !asked || signerFault(signerName, asked, usages)) {
      throw new ApiError('Forbidden', `certificatesigningrequests "${name}" is not to be signed`);
    }
    const wanted = expirationSeconds === undefined ? Number.POSITIVE_INFINITY : expirationSeconds * second;
    const lifetimeMs = Math.min(wanted, authority.longestMs);
    const certificate = authority.certify({ asked, usages, lifetimeMs });
    return { status: 200, body: { object: { certificate: encodeBase64(encodeText(certificate)) } } };
  }
}

function isApproved({ status }: CertificateSigningRequest): boolean {
  const { conditions = [] } = (status ?? {}) as { readonly conditions?: readonly { readonly type: string }[] };
  const has = (wanted: string) => conditions.some(({ type }) => type === wanted);
  return has('Approved') && !has('Denied');
}
