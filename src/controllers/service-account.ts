import type { Namespace } from '../api/kinds/namespace.ts';
import { serviceAccounts as accountKind, type ServiceAccount } from '../api/kinds/service-account.ts';
import { type Key, keyOf } from '../api/object.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

const byDefault = 'default';

export interface ObservedAccounts {
  readonly namespace: string;
  readonly hasDefault: boolean;
}

/** Sees to it that every namespace has the account that pods get who name none. */
export class ServiceAccountController implements Controller<ObservedAccounts> {
  readonly name = 'service-account-controller';
  readonly #namespaces: Cache<Namespace>;
  readonly #accounts: Cache<ServiceAccount>;

  constructor(namespaces: Cache<Namespace>, accounts: Cache<ServiceAccount>) {
    this.#namespaces = namespaces;
    this.#accounts = accounts;
  }

  sources(): readonly Source[] {
    return [
      source(this.#namespaces, (namespace) => [keyOf(namespace)]),
      source(this.#accounts, ({ metadata }) =>
        metadata.name === byDefault ? [{ namespace: '', name: metadata.namespace ?? '' }] : [],
      ),
    ];
  }

  observe({ name: namespace }: Key): ObservedAccounts | undefined {
    const found = this.#namespaces.get({ namespace: '', name: namespace });
    if (!found || found.metadata.deletionTimestamp !== undefined) return undefined;
    return { namespace, hasDefault: this.#accounts.get({ namespace, name: byDefault }) !== undefined };
  }

  plan({ namespace, hasDefault }: ObservedAccounts): Plan {
    if (hasDefault) return nothing;
    const object = { metadata: { name: byDefault, namespace } };
    return { actions: [[act({ verb: 'create', kind: accountKind, object })]] };
  }
}
