import type { Kind } from '../api/kind.ts';
import { mapOf, partOf } from '../api/kinds/defaulting.ts';
import { type ResourceQuota, resourceQuotas } from '../api/kinds/resource-quota.ts';
import { type Key, type KubeObject, keyOf } from '../api/object.ts';
import { formatQuantity, parseQuantity } from '../api/quantity.ts';
import { type Amounts, amountsOf, sum, whole } from '../api/quota/amounts.ts';
import { evaluatorOf } from '../api/quota/evaluator.ts';
import { scopesOf } from '../api/quota/scopes.ts';
import type { Instant } from '../base/env.ts';
import { equalJson } from '../base/json.ts';
import { compareText } from '../base/text.ts';
import { act } from '../client/action.ts';
import { byNamespace, type Cache } from '../machinery/cache.ts';
import {
  type Controller,
  nothing,
  type Plan,
  type Source,
  type SourceListener,
  source,
} from '../machinery/controller.ts';
import type { KindCaches } from '../machinery/kind-caches.ts';

/** Admission counts up at once; what was freed is counted after so long, so that many deletions are one write. */
const recountMs = 200;
/**
 * What admission has just counted may not be there to be seen yet: nothing is taken back before the quota has been
 * quiet for so long. A quota that is full is quiet, so that what was freed comes back.
 */
const settledMs = 500;

export interface QuotaObserved {
  readonly quota: ResourceQuota;
  /** What the quota may be about, kind by kind. */
  readonly content: readonly { readonly kind: Kind; readonly objects: readonly KubeObject[] }[];
}

/** Counts what a namespace uses of its quotas, of every kind that they name. */
export class ResourceQuotaController implements Controller<QuotaObserved> {
  readonly name = 'resourcequota-controller';
  readonly #quotas: Cache<ResourceQuota>;
  readonly #kinds: Pick<KindCaches, 'builtIn' | 'all' | 'onKind'>;
  /** Since when a quota is as it is. */
  readonly #quietSince = new Map<string, { readonly revision: string; readonly at: Instant }>();
  /** When a quota was last counted. */
  readonly #countedAt = new Map<string, Instant>();

  constructor(quotas: Cache<ResourceQuota>, kinds: Pick<KindCaches, 'builtIn' | 'all' | 'onKind'>) {
    this.#quotas = quotas.index('namespace', byNamespace);
    this.#kinds = kinds;
    for (const cache of kinds.builtIn) cache.index('namespace', byNamespace);
  }

  sources(): readonly Source[] {
    const caches = this.#kinds.builtIn.filter(({ kind }) => isCounted(kind));
    return [source(this.#quotas, (quota) => [keyOf(quota)]), ...caches.map((cache) => this.#source(cache))];
  }

  follow(listener: SourceListener): void {
    this.#kinds.onKind({
      added: (cache) => {
        cache.index('namespace', byNamespace);
        if (isCounted(cache.kind)) listener.added(this.#source(cache));
      },
      removed: (cache) => listener.removed(cache),
    });
  }

  /** Only quotas that name a resource of the kind are counted again. */
  #source(cache: Cache): Source {
    return source(cache, ({ metadata }) =>
      this.#quotas
        .by('namespace', metadata.namespace ?? '')
        .filter((quota) => isAbout(cache.kind, limitsIn(quota)))
        .map(keyOf),
    );
  }

  observe(key: Key): QuotaObserved | undefined {
    const quota = this.#quotas.get(key);
    if (!quota || quota.metadata.deletionTimestamp !== undefined) return undefined;
    const limits = limitsIn(quota);
    const content = this.#kinds
      .all()
      .filter(({ kind }) => isCounted(kind) && isAbout(kind, limits))
      .map((cache) => ({ kind: cache.kind, objects: cache.by('namespace', key.namespace) }));
    return { quota, content };
  }

  plan({ quota, content }: QuotaObserved, now: Instant): Plan {
    const { uid } = quota.metadata;
    const hard = mapOf(partOf(quota.spec).hard);
    const before = partOf(quota.status);
    const isNew = !equalJson(mapOf(before.hard), hard);
    const left = (this.#countedAt.get(uid) ?? 0) + recountMs - now;
    if (left > 0 && !isNew) return { actions: [], again: left };
    const used = usageOf(quota, content);
    if (!isNew && equalJson(mapOf(before.used), used)) return nothing;
    const loud = this.#quietSinceOf(quota, now) + settledMs - now;
    if (!isNew && loud > 0 && takesBack(used, mapOf(before.used))) return { actions: [], again: loud };
    this.#countedAt.set(uid, now);
    // Admission writes here too: whoever was quicker is looked at again.
    const object = { ...quota, status: { hard, used } };
    return { actions: [[act({ verb: 'status', kind: resourceQuotas, object })]] };
  }

  #quietSinceOf({ metadata }: ResourceQuota, now: Instant): Instant {
    const known = this.#quietSince.get(metadata.uid);
    if (known?.revision === metadata.resourceVersion) return known.at;
    this.#quietSince.set(metadata.uid, { revision: metadata.resourceVersion, at: now });
    return now;
  }
}

type Texts = Readonly<Record<string, string>>;

const takesBack = (used: Texts, before: Texts): boolean =>
  Object.entries(before).some(([name, text]) => parseQuantity(used[name] ?? '0').nanos < parseQuantity(text).nanos);

const isCounted = (kind: Kind): boolean => kind.namespaced && !(kind.plural === 'events' && kind.group === '');
function isAbout(kind: Kind, limits: readonly string[]): boolean {
  const evaluator = evaluatorOf(kind);
  return limits.some((name) => evaluator.limits(name));
}
const limitsIn = (quota: ResourceQuota): readonly string[] => Object.keys(mapOf(partOf(quota.spec).hard));

/** What is used of each resource that the quota names and somebody counts. */
function usageOf(quota: ResourceQuota, content: QuotaObserved['content']): Readonly<Record<string, string>> {
  const scopes = scopesOf(quota);
  let total: Amounts = new Map();
  for (const { kind, objects } of content) {
    const evaluator = evaluatorOf(kind);
    const zero = limitsIn(quota).filter((name) => evaluator.limits(name));
    total = sum(total, new Map(zero.map((name) => [name, whole(0)])));
    for (const object of objects) {
      if (scopes.every((scope) => evaluator.inScope(scope, object))) total = sum(total, evaluator.usage(object));
    }
  }
  const named = amountsOf(mapOf(partOf(quota.spec).hard));
  const used = [...total].filter(([name]) => named.has(name)).sort(([a], [b]) => compareText(a, b));
  return Object.fromEntries(used.map(([name, amount]) => [name, formatQuantity(amount)]));
}
