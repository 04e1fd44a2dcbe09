import type { LabelSelector } from '../../../api/selector.ts';
import type { Json } from '../../../base/json.ts';
import { compareText } from '../../../base/text.ts';
import type { Store } from '../../../store/store.ts';
import { Mirror } from '../../auth/mirror.ts';
import type { ClientConfig } from '../../outward.ts';
import type { MatchResources } from '../policies/policy-index.ts';

export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}
/** One hook of a configuration, with the defaults that every stored one has. */
export interface Webhook {
  readonly name: string;
  readonly clientConfig: ClientConfig;
  readonly rules?: MatchResources['resourceRules'];
  readonly failurePolicy: 'Fail' | 'Ignore';
  readonly matchPolicy: 'Exact' | 'Equivalent';
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
  readonly sideEffects: string;
  readonly timeoutSeconds: number;
  readonly admissionReviewVersions: readonly string[];
  readonly reinvocationPolicy?: 'Never' | 'IfNeeded';
  readonly matchConditions?: readonly MatchCondition[];
}

interface Configuration {
  readonly metadata: { readonly name: string };
  readonly webhooks?: readonly Webhook[];
}

/** All hooks of one resource, in the order in which they are called: by configuration, then as written. */
export class ConfiguredWebhooks {
  readonly #mirror: Mirror;
  readonly #configurations = new Map<string, Configuration>();
  #hooks: readonly Webhook[] | undefined;

  constructor(store: Store, plural: 'mutatingwebhookconfigurations' | 'validatingwebhookconfigurations') {
    this.#mirror = new Mirror(store, `/admissionregistration.k8s.io/${plural}/`, (key, next) => this.#take(key, next));
  }

  /** At once, but for the first time. */
  all(): Promise<readonly Webhook[]> | readonly Webhook[] {
    const wait = this.#mirror.ready();
    return wait ? wait.then(() => this.#sorted()) : this.#sorted();
  }

  #sorted(): readonly Webhook[] {
    this.#hooks ??= [...this.#configurations.values()]
      .sort((a, b) => compareText(a.metadata.name, b.metadata.name))
      .flatMap(({ webhooks = [] }) => webhooks);
    return this.#hooks;
  }

  #take(key: string, next: Json | undefined): void {
    if (next === undefined) this.#configurations.delete(key);
    else this.#configurations.set(key, next as unknown as Configuration);
    this.#hooks = undefined;
  }
}
