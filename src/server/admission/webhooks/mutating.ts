import { ApiError } from '../../../api/error.ts';
import type { KubeObject } from '../../../api/object.ts';
import { isObject } from '../../../base/json.ts';
import { checked } from '../../decode.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../plugin.ts';
import { WebhookCaller, type WebhookParts } from './caller.ts';
import { ConfiguredWebhooks, type Webhook } from './configured.ts';

/** Hooks that change objects, one after another; those who wish see again what others changed after them. */
export class MutatingAdmissionWebhook implements AdmissionPlugin {
  readonly name = 'MutatingAdmissionWebhook';
  readonly #hooks: ConfiguredWebhooks;
  readonly #caller: WebhookCaller;

  constructor(parts: WebhookParts) {
    this.#hooks = new ConfiguredWebhooks(parts.store, 'mutatingwebhookconfigurations');
    this.#caller = new WebhookCaller(parts);
  }

  async mutate(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> {
    const hooks = await this.#hooks.all();
    if (hooks.length === 0) return object;
    let next = object;
    const left = new Map<Webhook, KubeObject>();
    for (const hook of hooks) {
      next = await this.#patched(hook, next, request);
      if (hook.reinvocationPolicy === 'IfNeeded') left.set(hook, next);
    }
    for (const [hook, before] of left) if (before !== next) next = await this.#patched(hook, next, request);
    return next;
  }

  async #patched(hook: Webhook, object: KubeObject, request: AdmissionRequest): Promise<KubeObject> {
    const verdict = await this.#caller.ask(hook, object, request);
    const patched = verdict?.patched;
    if (patched === undefined) return object;
    const { kind } = request;
    if (!isObject(patched)) {
      throw new ApiError('InternalError', `admission webhook ${JSON.stringify(hook.name)} leaves no object`);
    }
    // What the kind does not have is left out, and what the hook left open is filled in for whoever comes next.
    const next = checked(patched, kind, 'Ignore').object;
    return kind.rules.defaults?.(next) ?? next;
  }
}
