import { createSecureContext, type SecureContext } from 'node:tls';
import type { Instant } from '../../../base/env.ts';
import type { HttpCertificate } from '../../../network/http-table.ts';
import { createAuthority, issue } from '../../x509/certificate.ts';

/** The certificates of one listener, by the name that a client asks for in its first message. */
export class ServerNames {
  readonly #now: () => Instant;
  readonly #pairs = new Map<string, { readonly pair: CertificatePair; readonly context: SecureContext }>();
  #named = new Map<string, string>();
  #own: CertificatePair | undefined;
  #ownContext: SecureContext | undefined;

  constructor(now: () => Instant) {
    this.#now = now;
  }

  /** Answers what is wrong with those that cannot be used; their names get the certificate of our own. */
  replace(certificates: readonly HttpCertificate[]): readonly string[] {
    const named = new Map<string, string>();
    const kept = new Set<string>();
    const problems: string[] = [];
    for (const { hosts, certificate, key } of certificates) {
      const id = `${certificate}\n${key}`;
      try {
        const pair = { cert: certificate, key };
        if (!this.#pairs.has(id)) this.#pairs.set(id, { pair, context: createSecureContext(pair) });
      } catch (error) {
        problems.push(`the certificate for ${hosts.join(', ') || 'all names'}: ${(error as Error).message}`);
        continue;
      }
      kept.add(id);
      // The first that has a name keeps it: the older object.
      for (const host of hosts) if (!named.has(host)) named.set(host, id);
    }
    for (const id of this.#pairs.keys()) if (!kept.has(id)) this.#pairs.delete(id);
    this.#named = named;
    return problems;
  }

  find(name: string): SecureContext {
    const asked = name.toLowerCase();
    const star = `*${asked.slice(asked.indexOf('.'))}`;
    const id = this.#named.get(asked) ?? this.#named.get(star) ?? this.#named.get('');
    const found = id === undefined ? undefined : this.#pairs.get(id)?.context;
    if (found) return found;
    this.#ownContext ??= createSecureContext(this.#ownPair());
    return this.#ownContext;
  }

  /** For clients that ask for no name. */
  unnamed(): CertificatePair {
    const id = this.#named.get('');
    return (id === undefined ? undefined : this.#pairs.get(id)?.pair) ?? this.#ownPair();
  }

  /** Signed by nobody: it says so to whoever looks, and still hides what is said. */
  #ownPair(): CertificatePair {
    if (!this.#own) {
      const now = this.#now();
      const authority = createAuthority('mini-k8s ingress', now);
      const names = ['localhost', '*.localhost', '127.0.0.1'];
      const pair = issue(authority, { subject: { name: 'mini-k8s ingress' }, use: ['server'], names, now });
      this.#own = { cert: pair.certificate, key: pair.key };
    }
    return this.#own;
  }
}

interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}
