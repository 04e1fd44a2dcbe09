import { type ResourceQuota as Quota, resourceQuotas } from '../../api/kinds/resource-quota.ts';
import type { KubeObject } from '../../api/object.ts';
import { type Amounts, excess } from '../../api/quota/amounts.ts';
import { type Evaluator, evaluatorOf } from '../../api/quota/evaluator.ts';
import { scopesOf } from '../../api/quota/scopes.ts';
import type { Store } from '../../store/store.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { Ledger } from './quota/ledger.ts';
import { refusal } from './refusal.ts';

const nothing: Amounts = new Map();

interface QuotaStatus {
  readonly hard?: Readonly<Record<string, string>>;
  readonly used?: Readonly<Record<string, string>>;
}

/** Holds a namespace to what its quotas leave it. Asked last: what others refuse uses nothing. */
export class ResourceQuota implements AdmissionPlugin {
  readonly name = 'ResourceQuota';
  readonly #quotas: ObjectIndex<Quota>;
  readonly #ledger: Ledger;

  constructor(store: Store) {
    this.#quotas = new ObjectIndex(store, resourceQuotas);
    this.#ledger = new Ledger(store);
  }

  validate(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> | void {
    const { kind, operation, route } = request;
    if (!object || !kind.namespaced || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
    if (kind.plural === 'events' && kind.group === '') return;
    const evaluator = evaluatorOf(kind);
    if (!evaluator.handles(request)) return;
    const wait = this.#quotas.ready();
    if (wait) return wait.then(() => this.#charged(object, request, evaluator));
    if (this.#quotas.list(route.namespace).length > 0) return this.#charged(object, request, evaluator);
  }

  async #charged(object: KubeObject, request: AdmissionRequest, evaluator: Evaluator): Promise<void> {
    const { namespace } = request.route;
    const refused = (why: string) => refusal(request, why);
    const concerns = (quota: Quota) => isConcerned(quota, { object, evaluator, refused });
    if (!this.#quotas.list(namespace).some(concerns)) return;
    const { previous } = request;
    const usage = excess(evaluator.usage(object), previous ? evaluator.usage(previous) : nothing);
    if (usage.size === 0) return;
    await this.#ledger.charge(namespace, { usage, dryRun: request.dryRun, concerns, refused });
  }
}

/** Throws where the object does not say what it must, or where nobody knows yet what is used. */
function isConcerned(
  quota: Quota,
  about: {
    readonly object: KubeObject;
    readonly evaluator: Evaluator;
    readonly refused: (why: string) => Error;
  },
): boolean {
  const { object, evaluator, refused } = about;
  const { hard = {}, used = {} } = (quota.status ?? {}) as QuotaStatus;
  const limited = Object.keys(hard).filter((name) => evaluator.limits(name));
  if (limited.length === 0 || !scopesOf(quota).every((scope) => evaluator.inScope(scope, object))) return false;
  const { name } = quota.metadata;
  const lacking = evaluator.lacking?.(limited, object);
  if (lacking !== undefined) throw refused(`failed quota: ${name}: ${lacking}`);
  const unknown = limited.filter((resource) => used[resource] === undefined);
  if (unknown.length > 0) {
    throw refused(`status unknown for quota: ${name}, resources: ${unknown.sort().join(',')}`);
  }
  return true;
}
