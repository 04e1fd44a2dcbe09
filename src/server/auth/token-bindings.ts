import type { Kind } from '../../api/kind.ts';
import { nodes } from '../../api/kinds/node.ts';
import { pods } from '../../api/kinds/pod.ts';
import { type Secret, secrets } from '../../api/kinds/secret.ts';
import { serviceAccounts } from '../../api/kinds/service-account.ts';
import type { KubeObject } from '../../api/object.ts';
import { encodeBase64 } from '../../base/base64.ts';
import type { Env } from '../../base/env.ts';
import { encodeText } from '../../base/json.ts';
import type { Store } from '../../store/store.ts';
import { storageKey } from '../kinds.ts';
import { sameSecret } from './tokens.ts';

interface Reference {
  readonly name: string;
  readonly uid: string;
}
/** What a token is bound to: it ends with each of them. */
export interface BoundClaims {
  readonly namespace: string;
  readonly serviceaccount: Reference;
  readonly pod?: Reference;
  readonly node?: Reference;
  readonly secret?: Reference;
}

const accountKey = (namespace: string, name: string): string =>
  storageKey(serviceAccounts as unknown as Kind, namespace, name);

/** Something that is being deleted is still good for this long: its last words may need the token. */
const goneAfterMs = 60_000;
export const invalidated = 'service account token has been invalidated';
const kinds = { pod: pods, secret: secrets, node: nodes } as unknown as Readonly<
  Record<'pod' | 'secret' | 'node', Kind>
>;

/** Whether what tokens are bound to is still there, and still the same. */
export class TokenBindings {
  readonly #env: Env;
  readonly #store: Store;

  constructor(env: Env, store: Store) {
    this.#env = env;
    this.#store = store;
  }

  /** Undefined where everything is as it was: at once for tokens that are bound to their account alone. */
  error(bound: BoundClaims): Promise<string | undefined> | string | undefined {
    const { namespace, serviceaccount } = bound;
    const found = this.#store.peek(accountKey(namespace, serviceaccount.name));
    if (!found || bound.pod || bound.node || bound.secret) return this.#anyError(bound);
    return this.#accountFault(found.entry?.value as unknown as KubeObject | undefined, namespace, serviceaccount);
  }

  async #anyError(bound: BoundClaims): Promise<string | undefined> {
    const { namespace } = bound;
    const account = await this.#accountError(namespace, bound.serviceaccount);
    if (account !== undefined) return account;
    // The node of a pod is told to whom it concerns; only a token bound to a node and no pod ends with it.
    for (const what of ['secret', 'pod', 'node'] as const) {
      const reference = bound[what];
      if (!reference || (what === 'node' && bound.pod)) continue;
      const object = await this.#get(kinds[what], what === 'node' ? '' : namespace, reference.name);
      if (!object || this.#isGone(object)) return invalidated;
      if (object.metadata.uid !== reference.uid) {
        const name = what === 'node' || what === 'pod' ? what : 'secret';
        return `${name} UID (${object.metadata.uid}) does not match service account ${name} ref claim (${reference.uid})`;
      }
    }
    return undefined;
  }

  /** A token out of a Secret is good as long as the Secret holds it. */
  async secretError(
    at: { readonly namespace: string; readonly secret: string; readonly token: string },
    account: Reference,
  ): Promise<string | undefined> {
    const secret = (await this.#get(kinds.secret, at.namespace, at.secret)) as Secret | undefined;
    if (!secret || this.#isGone(secret)) return 'Token has been invalidated';
    const held = secret.data?.token ?? '';
    if (!sameSecret(held, encodeBase64(encodeText(at.token)))) return "Token does not match server's copy";
    return this.#accountError(at.namespace, account);
  }

  async #accountError(namespace: string, reference: Reference): Promise<string | undefined> {
    const account = await this.#get(serviceAccounts as unknown as Kind, namespace, reference.name);
    return this.#accountFault(account, namespace, reference);
  }

  #accountFault(account: KubeObject | undefined, namespace: string, { name, uid }: Reference): string | undefined {
    if (!account) return `serviceaccounts ${JSON.stringify(name)} not found`;
    if (this.#isGone(account)) return `ServiceAccount ${namespace}/${name} has been deleted`;
    if (account.metadata.uid !== uid) {
      return `service account UID (${account.metadata.uid}) does not match claim (${uid})`;
    }
    return undefined;
  }

  async #get(kind: Kind, namespace: string, name: string): Promise<KubeObject | undefined> {
    const { entry } = await this.#store.get(storageKey(kind, namespace, name));
    return entry?.value as unknown as KubeObject | undefined;
  }

  #isGone({ metadata }: KubeObject): boolean {
    const { deletionTimestamp } = metadata;
    return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) < this.#env.clock.now() - goneAfterMs;
  }
}
