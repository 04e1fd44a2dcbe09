import type { Kind } from '../../api/kind.ts';
import { type Secret, secrets } from '../../api/kinds/secret.ts';
import { serviceAccounts } from '../../api/kinds/service-account.ts';
import { encodeBase64 } from '../../base/base64.ts';
import type { Env } from '../../base/env.ts';
import { encodeText, type Json } from '../../base/json.ts';
import type { Store } from '../../store/store.ts';
import { storageKey, storagePrefix } from '../kinds.ts';
import { Mirror } from './mirror.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';

const secretType = 'kubernetes.io/service-account-token';
const nameAnnotation = 'kubernetes.io/service-account.name';
const uidAnnotation = 'kubernetes.io/service-account.uid';
const secretKind = secrets as unknown as Kind;
const accountKind = serviceAccounts as unknown as Kind;

/**
 * Secrets that ask for a token of a ServiceAccount get one, and go when the account goes. Nothing makes such Secrets
 * by itself any more; some programs still bring them.
 */
export class LegacyTokens {
  readonly #env: Env;
  readonly #store: Store;
  readonly #tokens: ServiceAccountTokens;
  #authority = '';
  /** Keys of the Secrets that ask for a token. */
  readonly #known = new Set<string>();
  #secrets: Mirror | undefined;
  #accounts: Mirror | undefined;

  constructor(env: Env, store: Store, tokens: ServiceAccountTokens) {
    this.#env = env;
    this.#store = store;
    this.#tokens = tokens;
  }

  /** From now on. `authority` is the PEM that whoever uses a token must trust. */
  async start(authority: string): Promise<void> {
    this.#authority = authority;
    const waiting = new Map<string, Set<string>>();
    this.#accounts = new Mirror(this.#store, storagePrefix(accountKind), (key, next, previous) => {
      const changed = uidOf(next) !== uidOf(previous);
      if (changed) for (const secret of waiting.get(key) ?? []) this.#look(secret);
    });
    this.#secrets = new Mirror(this.#store, storagePrefix(secretKind), (key, next, previous) => {
      if (previous !== undefined && isTokenSecret(previous)) {
        waiting.get(accountKey(previous as unknown as Secret))?.delete(key);
      }
      this.#known.delete(key);
      if (next === undefined || !isTokenSecret(next)) return;
      this.#known.add(key);
      const account = accountKey(next as unknown as Secret);
      const asking = waiting.get(account) ?? new Set<string>();
      waiting.set(account, asking.add(key));
      this.#look(key);
    });
    await this.#accounts.ready();
    await this.#secrets.ready();
  }

  /** Told once the server trusts others: Secrets that tell pods whom to trust follow. */
  renew(authority: string): void {
    this.#authority = authority;
    for (const key of this.#known) this.#look(key);
  }

  #look(key: string): void {
    this.#fill(key).catch((error: unknown) => {
      this.#env.log.error('a Secret was not given its token', { key, error: String(error) });
    });
  }

  /** Whoever was quicker wins: their write makes us look again. */
  async #fill(key: string): Promise<void> {
    const { entry } = await this.#store.get(key);
    if (!entry || !isTokenSecret(entry.value)) return;
    const secret = entry.value as unknown as Secret;
    const account = (await this.#store.get(accountKey(secret))).entry?.value;
    const uid = uidOf(account);
    const known = secret.metadata.annotations?.[uidAnnotation];
    if (uid === undefined || (known !== undefined && known !== uid)) {
      // It belongs to an account that is gone. One that never had an account waits for it.
      if (known !== undefined) await this.#store.commit(key, entry.modified, undefined);
      return;
    }
    const next = this.#filled(secret, uid);
    if (next !== secret) await this.#store.commit(key, entry.modified, next as unknown as Json);
  }

  #filled(secret: Secret, uid: string): Secret {
    const { namespace = '', name, annotations = {} } = secret.metadata;
    const data = secret.data ?? {};
    const text = (value: string) => encodeBase64(encodeText(value));
    const authority = text(this.#authority);
    const isTold = data['ca.crt'] === authority && data.token && data.namespace;
    if (isTold && annotations[uidAnnotation] === uid) return secret;
    const account = { name: annotations[nameAnnotation] ?? '', uid };
    return {
      ...secret,
      metadata: { ...secret.metadata, annotations: { ...annotations, [uidAnnotation]: uid } },
      data: {
        ...data,
        'ca.crt': authority,
        namespace: data.namespace || text(namespace),
        token: data.token || text(this.#tokens.issueForSecret({ namespace, secret: name }, account)),
      },
    };
  }
}

function isTokenSecret(value: Json): boolean {
  const { type, metadata } = value as unknown as Secret;
  return type === secretType && Boolean(metadata.annotations?.[nameAnnotation]) && !metadata.deletionTimestamp;
}

const accountKey = ({ metadata }: Secret): string =>
  storageKey(accountKind, metadata.namespace ?? '', metadata.annotations?.[nameAnnotation] ?? '');

const uidOf = (value: Json | undefined): string | undefined =>
  (value as { readonly metadata?: { readonly uid?: string } } | undefined)?.metadata?.uid;
