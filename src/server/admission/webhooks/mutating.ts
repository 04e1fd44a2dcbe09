import { ApiError } from '../../../api/error.ts';
import type { Kind } from '../../../api/kind.ts';
import type { KubeObject } from '../../../api/object.ts';
import { isObject, type JsonObject } from '../../../base/json.ts';
import { checked } from '../../decode.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../plugin.ts';
import type { Versions } from '../versions.ts';
import { WebhookCaller, type WebhookParts } from './caller.ts';
import { ConfiguredWebhooks, type Webhook } from './configured.ts';

/** Hooks that change objects, one after another; those who wish see again what others changed after them. */
export class MutatingAdmissionWebhook implements AdmissionPlugin {
  readonly name = 'MutatingAdmissionWebhook';
  readonly #hooks: ConfiguredWebhooks;
  readonly #caller: WebhookCaller;
  readonly #versions: Versions;

  constructor(parts: WebhookParts) {
    this.#hooks = new ConfiguredWebhooks(parts.store, 'mutatingwebhookconfigurations');
    this.#caller = new WebhookCaller(parts, 'admit');
    this.#versions = parts.conversions;
  }

  mutate(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> | KubeObject {
    const hooks = this.#hooks.all();
    if (hooks instanceof Promise) return hooks.then((all) => this.#mutated(all, object, request));
    return hooks.length === 0 ? object : this.#mutated(hooks, object, request);
  }

  async #mutated(hooks: readonly Webhook[], object: KubeObject, request: AdmissionRequest): Promise<KubeObject> {
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
    const answer = await this.#caller.ask(hook, object, request);
    const patched = answer?.verdict.patched;
    if (!answer || patched === undefined) return object;
    const { kind } = answer.seen.request;
    if (!isObject(patched)) {
      throw new ApiError('InternalError', `admission webhook ${JSON.stringify(hook.name)} leaves no object`);
    }
    // What the kind does not have is left out, and what the hook left open is filled in for whoever comes next.
    const { asked } = answer.seen.request;
    if (!asked) return filled(checked(patched, kind, 'Ignore').object, kind);
    // What another version of a custom kind does not know is not its to leave out.
    const next = kind.custom ? requireKind(patched, kind) : checked(patched, kind, 'Ignore').object;
    const back = await this.#versions.converted(filled(next, kind), kind, asked);
    return kind.custom ? filled(checked(back as unknown as JsonObject, asked, 'Ignore').object, asked) : back;
  }
}

const filled = (object: KubeObject, { rules }: Kind): KubeObject => rules.defaults?.(object) ?? object;

function requireKind(patched: JsonObject, { apiVersion, kind }: Kind): KubeObject {
  if (patched.apiVersion === apiVersion && patched.kind === kind) return patched as unknown as KubeObject;
  const made = `${String(patched.apiVersion)}, Kind=${String(patched.kind)}`;
  throw new ApiError(
    'InternalError',
    `Internal error occurred: a webhook may not make ${made} of ${apiVersion}, Kind=${kind}`,
  );
}
