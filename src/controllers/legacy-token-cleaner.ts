import type { ConfigMap } from '../api/kinds/config-map.ts';
import { partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { type Secret, secrets as secretKind } from '../api/kinds/secret.ts';
import type { ServiceAccount } from '../api/kinds/service-account.ts';
import { type Key, keyOf } from '../api/object.ts';
import type { Instant, Millis } from '../base/env.ts';
import { parseTime, timestamp } from '../base/text.ts';
import { act } from '../client/action.ts';
import { byNamespace, type Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

const tokenType = 'kubernetes.io/service-account-token';
const accountAnnotation = 'kubernetes.io/service-account.name';
const lastUsedLabel = 'kubernetes.io/legacy-token-last-used';
const invalidLabel = 'kubernetes.io/legacy-token-invalid-since';
/** Since when the server notes which tokens are used. */
const tracking: Key = { namespace: 'kube-system', name: 'kube-apiserver-legacy-service-account-token-tracking' };
const day: Millis = 24 * 60 * 60 * 1000;
/** So long a token is kept that nobody uses; and as long again once it is no longer valid. */
const unusedMs: Millis = 365 * day;

export interface LegacyToken {
  readonly secret: Secret;
  /** The account that it is for, where that names it as its own: only such tokens were made without being asked for. */
  readonly account: ServiceAccount | undefined;
  readonly pods: readonly Pod[];
  readonly since: string | undefined;
}

/** Takes away tokens that were once made for every account and that nobody uses: first their validity, then them. */
export class LegacyTokenCleaner implements Controller<LegacyToken> {
  readonly name = 'legacy-serviceaccount-token-cleaner-controller';
  readonly #secrets: Cache<Secret>;
  readonly #accounts: Cache<ServiceAccount>;
  readonly #pods: Cache<Pod>;
  readonly #maps: Cache<ConfigMap>;

  constructor(caches: {
    readonly secrets: Cache<Secret>;
    readonly accounts: Cache<ServiceAccount>;
    readonly pods: Cache<Pod>;
    readonly maps: Cache<ConfigMap>;
  }) {
    this.#secrets = caches.secrets;
    this.#accounts = caches.accounts;
    this.#pods = caches.pods.index('namespace', byNamespace);
    this.#maps = caches.maps;
  }

  sources(): readonly Source[] {
    return [source(this.#secrets, (secret) => (secret.type === tokenType ? [keyOf(secret)] : []))];
  }

  observe(key: Key): LegacyToken | undefined {
    const secret = this.#secrets.get(key);
    if (!secret || secret.type !== tokenType || secret.metadata.deletionTimestamp !== undefined) return undefined;
    const name = secret.metadata.annotations?.[accountAnnotation] ?? '';
    const account = this.#accounts.get({ namespace: key.namespace, name });
    const since = this.#maps.get(tracking)?.data?.since;
    return { secret, account, pods: this.#pods.by('namespace', key.namespace), since };
  }

  plan({ secret, account, pods, since }: LegacyToken, now: Instant): Plan {
    const { name, labels = {}, creationTimestamp, uid, resourceVersion } = secret.metadata;
    const isOwn = partsOf((account as { readonly secrets?: unknown } | undefined)?.secrets).some(
      (one) => textOf(one.name) === name,
    );
    if (!isOwn || since === undefined) return nothing;
    const mounted = pods.some(({ spec }) =>
      partsOf((spec as { readonly volumes?: unknown }).volumes).some(
        (volume) => textOf(partOf(volume.secret).secretName) === name,
      ),
    );
    if (mounted) return { actions: [], again: day };
    const used = labels[lastUsedLabel];
    const last = Math.max(parseTime(creationTimestamp), parseTime(since), used ? parseTime(used) : 0);
    const invalid = labels[invalidLabel];
    const left = (invalid === undefined ? last : Math.max(last, parseTime(invalid))) + unusedMs - now;
    if (left > 0) return { actions: [], again: Math.min(left, day) };
    const key = keyOf(secret);
    if (invalid !== undefined)
      return { actions: [[act({ verb: 'delete', kind: secretKind, key, uid, resourceVersion })]] };
    const patch = { metadata: { uid, resourceVersion, labels: { [invalidLabel]: timestamp(now).slice(0, 10) } } };
    return { actions: [[act({ verb: 'patch', kind: secretKind, key, patch })]] };
  }
}
