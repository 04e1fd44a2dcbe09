import type { KubeObject } from '../../../api/object.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../plugin.ts';
import { WebhookCaller, type WebhookParts } from './caller.ts';
import { ConfiguredWebhooks, type Webhook } from './configured.ts';

/** Hooks that judge, all at once: the first of those that refuse, in their order, is the answer. */
export class ValidatingAdmissionWebhook implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionWebhook';
  readonly #hooks: ConfiguredWebhooks;
  readonly #caller: WebhookCaller;

  constructor(parts: WebhookParts) {
    this.#hooks = new ConfiguredWebhooks(parts.store, 'validatingwebhookconfigurations');
    this.#caller = new WebhookCaller(parts, 'validating');
  }

  validate(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> | void {
    const hooks = this.#hooks.all();
    if (hooks instanceof Promise) return hooks.then((all) => this.#validated(all, object, request));
    if (hooks.length > 0) return this.#validated(hooks, object, request);
  }

  async #validated(
    hooks: readonly Webhook[],
    object: KubeObject | undefined,
    request: AdmissionRequest,
  ): Promise<void> {
    const asked = await Promise.allSettled(hooks.map((hook) => this.#caller.ask(hook, object, request)));
    for (const result of asked) if (result.status === 'rejected') throw result.reason;
  }
}
