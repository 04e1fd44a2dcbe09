import type { Kind } from '../../api/kind.ts';
import { type Secret, secrets } from '../../api/kinds/secret.ts';
import type { Env } from '../../base/env.ts';
import { decodeText } from '../../base/json.ts';
import type { Store } from '../../store/store.ts';
import { storageKey } from '../kinds.ts';
import { decodeBase64Url } from './jwt.ts';
import { forServer, sameSecret, type TokenAnswer, type TokenKind } from './tokens.ts';

const form = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const groupForm = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const secretType = 'bootstrap.kubernetes.io/token';
const allBootstrappers = 'system:bootstrappers';

/** Tokens with which a node may ask for its first certificate: Secrets in kube-system, one each. */
export class BootstrapTokens implements TokenKind {
  readonly name = 'BootstrapToken';
  readonly #env: Env;
  readonly #store: Store;
  readonly #audiences: readonly string[];

  constructor(env: Env, store: Store, audiences: readonly string[]) {
    this.#env = env;
    this.#store = store;
    this.#audiences = audiences;
  }

  async verify(token: string, audiences: readonly string[]): Promise<TokenAnswer> {
    const [, id, password] = form.exec(token) ?? [];
    if (id === undefined || password === undefined) return undefined;
    const key = storageKey(secrets as unknown as Kind, 'kube-system', `bootstrap-token-${id}`);
    const { entry } = await this.#store.get(key);
    const secret = entry?.value as unknown as Secret | undefined;
    if (!secret || secret.metadata.deletionTimestamp || secret.type !== secretType) return undefined;
    const value = (name: string) => plain(secret.data?.[name]);
    if (!sameSecret(value('token-secret'), password) || value('token-id') !== id) return undefined;
    if (!this.#isInTime(value('expiration')) || value('usage-bootstrap-authentication') !== 'true') return undefined;
    const groups = extraGroups(value('auth-extra-groups'));
    if (!groups) return undefined;
    const caller = { name: `system:bootstrap:${id}`, groups: [allBootstrappers, ...groups], extra: {} };
    return forServer(caller, audiences, this.#audiences);
  }

  /** A date that cannot be read has passed. */
  #isInTime(expiration: string): boolean {
    return expiration === '' || Date.parse(expiration) > this.#env.clock.now();
  }
}

/** Undefined where one of them is not a group that such a token may give. */
function extraGroups(text: string): readonly string[] | undefined {
  if (text === '') return [];
  const groups = [...new Set(text.split(','))].filter((group) => group !== allBootstrappers).sort();
  return groups.every((group) => groupForm.test(group)) ? groups : undefined;
}

/** Secrets are base64 with padding and two other letters. */
function plain(data: string | undefined): string {
  const url = (data ?? '').replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_');
  const bytes = decodeBase64Url(url);
  try {
    return bytes ? decodeText(bytes) : '';
  } catch {
    return '';
  }
}
