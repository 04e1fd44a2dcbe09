import { ApiError } from '../../../api/error.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Env } from '../../../base/env.ts';
import type { Authorization } from '../../auth/authorization.ts';
import { destinationOf, type Outward, post } from '../../outward.ts';
import type { AdmissionRequest } from '../plugin.ts';
import { conditionsHold } from '../policies/conditions.ts';
import { matchedKind } from '../policies/match.ts';
import type { MatchResources } from '../policies/policy-index.ts';
import { type SubjectDeps, subjectOf } from '../policies/subject.ts';
import type { Versioned } from '../versions.ts';
import type { Webhook } from './configured.ts';
import { refusal, reviewOf, type Verdict, verdictOf } from './review.ts';

export interface WebhookParts extends SubjectDeps {
  readonly env: Env;
  readonly outward: Outward;
  readonly authorization: Authorization;
}

/** What a hook said, and what it was shown. */
interface Asked {
  readonly verdict: Verdict;
  readonly seen: Versioned;
}

// Whoever could stop the removal of a hook that fails could never be got rid of.
const exempt = new Set(['mutatingwebhookconfigurations', 'validatingwebhookconfigurations']);

const ok = '200';
/** Where a hook said nothing. */
const noCode = '0';

/** Asks one hook about one request, if it wants to be asked. */
export class WebhookCaller {
  readonly #parts: WebhookParts;
  readonly #type: string;

  constructor(parts: WebhookParts, type: 'admit' | 'validating') {
    this.#parts = parts;
    this.#type = type;
  }

  /** Nothing where the hook has no say: it does not match, or it failed and may. Throws its refusal. */
  async ask(hook: Webhook, object: KubeObject | undefined, request: AdmissionRequest): Promise<Asked | undefined> {
    const seen = await this.#seen(hook, object, request);
    if (!seen || !(await this.#isMet(hook, seen))) return undefined;
    if (request.dryRun && !['None', 'NoneOnDryRun'].includes(hook.sideEffects)) {
      throw new ApiError('BadRequest', `admission webhook ${JSON.stringify(hook.name)} does not support dry run`);
    }
    const verdict = await this.#answer(hook, seen);
    if (!verdict) return undefined;
    for (const warning of verdict.warnings) request.warn?.(warning);
    for (const [key, value] of Object.entries(verdict.annotations))
      request.annotate?.(`${hook.name}/${key}`, String(value));
    if (!verdict.allowed) throw refusal(hook.name, verdict.status);
    return { verdict, seen };
  }

  /** The request in the version that the hook's rules ask for; undefined where they do not speak of it. */
  async #seen(
    hook: Webhook,
    object: KubeObject | undefined,
    request: AdmissionRequest,
  ): Promise<Versioned | undefined> {
    const { kind } = request;
    if (kind.group === 'admissionregistration.k8s.io' && exempt.has(kind.plural)) return undefined;
    const { rules: resourceRules, ...selection } = hook;
    const constraints: MatchResources = resourceRules ? { ...selection, resourceRules } : selection;
    const wanted = matchedKind(constraints, await subjectOf(this.#parts, object, request), true);
    return wanted && this.#parts.conversions.shown({ request, object }, wanted);
  }

  async #isMet(hook: Webhook, { request, object }: Versioned): Promise<boolean> {
    const met = await conditionsHold(hook.matchConditions ?? [], object, request, this.#parts);
    if (typeof met === 'boolean') return met;
    if (hook.failurePolicy === 'Ignore') return false;
    const why = `the match conditions of webhook ${JSON.stringify(hook.name)} failed: ${met.message}`;
    throw new ApiError('Forbidden', why, { causes: [{ message: why }] });
  }

  async #answer(hook: Webhook, { request, object }: Versioned): Promise<Verdict | undefined> {
    const { env, store, outward } = this.#parts;
    const started = env.clock.monotonic();
    const uid = env.random.uid();
    let rejected = false;
    let code = ok;
    try {
      const destination = await destinationOf(store, hook.clientConfig);
      const body = reviewOf(uid, hook.admissionReviewVersions, object, request);
      const timeoutMs = hook.timeoutSeconds * 1000;
      const verdict = verdictOf(await post(outward, env.clock, { destination, body, timeoutMs }), uid, object);
      rejected = !verdict.allowed;
      if (rejected) code = this.#rejected(hook, request, verdict);
      return verdict;
    } catch (error) {
      rejected = hook.failurePolicy !== 'Ignore';
      code = rejected ? this.#rejected(hook, request, undefined) : noCode;
      return this.#failed(hook, error);
    } finally {
      const seconds = (env.clock.monotonic() - started) / 1000;
      const { operation } = request;
      const labels = { name: hook.name, operation, rejected: String(rejected), type: this.#type };
      env.metrics.observe('apiserver_admission_webhook_admission_duration_seconds', seconds, labels);
      env.metrics.count('apiserver_admission_webhook_request_total', { ...labels, code });
    }
  }

  /** Counted by why: what the hook said, or that it could not be asked. Answers the code that stands for it. */
  #rejected({ name }: Webhook, { operation }: AdmissionRequest, verdict: Verdict | undefined): string {
    const given = Number(verdict?.status?.['code'] ?? 400);
    const said = { error_type: 'no_error', rejection_code: String(given < 400 ? 400 : Math.min(given, 600)) };
    const why = verdict ? said : { error_type: 'calling_webhook_error', rejection_code: noCode };
    const labels = { name, operation, type: this.#type, ...why };
    this.#parts.env.metrics.count('apiserver_admission_webhook_rejection_count', labels);
    return why.rejection_code;
  }

  #failed(hook: Webhook, error: unknown): undefined {
    const why = error instanceof Error ? error.message : String(error);
    const message = `failed calling webhook ${JSON.stringify(hook.name)}: failed to call webhook: ${why}`;
    const { log, metrics } = this.#parts.env;
    if (hook.failurePolicy === 'Ignore') {
      log.error('a webhook failed, and its policy is to go on', { webhook: hook.name, error: why });
      metrics.count('apiserver_admission_webhook_fail_open_count', { name: hook.name, type: this.#type });
      return undefined;
    }
    throw new ApiError('InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
  }
}
