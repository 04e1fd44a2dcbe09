import type { CertificateSigningRequest } from '../api/kinds/certificate-signing-request.ts';
import { partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import { type Key, keyOf } from '../api/object.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Source, source } from '../machinery/controller.ts';

/** The requests that have no certificate yet: what approving and signing begin with. */
export class OpenCertificateRequests {
  readonly #requests: Cache<CertificateSigningRequest>;

  constructor(requests: Cache<CertificateSigningRequest>) {
    this.#requests = requests;
  }

  sources(): readonly Source[] {
    return [source(this.#requests, (request) => [keyOf(request)])];
  }

  /** With the types of its conditions; nothing where it is gone or has its certificate. */
  at(key: Key): { readonly request: CertificateSigningRequest; readonly conditions: ReadonlySet<string> } | undefined {
    const request = this.#requests.get(key);
    if (!request || partOf(request.status).certificate) return undefined;
    return { request, conditions: new Set(partsOf(partOf(request.status).conditions).map(({ type }) => textOf(type))) };
  }
}
