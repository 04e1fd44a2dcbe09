import {
  type CertificateSigningRequest,
  certificateSigningRequests,
} from '../api/kinds/certificate-signing-request.ts';
import { partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import { type Key, keyOf } from '../api/object.ts';
import type { Instant, Millis } from '../base/env.ts';
import { parseTime } from '../base/text.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

const hour: Millis = 60 * 60 * 1000;
/** How long a request is kept once it was decided, by how. */
const decidedMs: Readonly<Record<string, Millis>> = { Approved: hour, Denied: hour, Failed: hour };
const pendingMs: Millis = 24 * hour;

/** Clears away requests for certificates that are done with. */
export class CertificateCleaner implements Controller<CertificateSigningRequest> {
  readonly name = 'certificatesigningrequest-cleaner-controller';
  readonly #requests: Cache<CertificateSigningRequest>;

  constructor(requests: Cache<CertificateSigningRequest>) {
    this.#requests = requests;
  }

  sources(): readonly Source[] {
    return [source(this.#requests, (request) => [keyOf(request)])];
  }

  observe(key: Key): CertificateSigningRequest | undefined {
    return this.#requests.get(key);
  }

  plan(request: CertificateSigningRequest, now: Instant): Plan {
    const { metadata, status } = request;
    if (metadata.deletionTimestamp !== undefined) return nothing;
    const conditions = partsOf(partOf(status).conditions);
    const left = conditions.flatMap(({ type, lastUpdateTime }) => {
      const patience = decidedMs[textOf(type)];
      return patience === undefined || !lastUpdateTime ? [] : [parseTime(textOf(lastUpdateTime)) + patience - now];
    });
    if (conditions.length === 0) left.push(parseTime(metadata.creationTimestamp) + pendingMs - now);
    if (left.length === 0) return nothing;
    const soonest = Math.min(...left);
    if (soonest > 0) return { actions: [], again: soonest };
    return {
      actions: [[act({ verb: 'delete', kind: certificateSigningRequests, key: keyOf(request), uid: metadata.uid })]],
    };
  }
}
