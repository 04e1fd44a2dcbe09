import { ApiError } from '../../api/error.ts';
import { formatQuantity } from '../../api/quantity.ts';
import { type LabelSelectorRequirement, parseLabelRequirements } from '../../api/selector.ts';
import { type ApiRequest, type ApiResponse, queryValue, type Transport } from '../../api/wire.ts';
import type { Env, Instant, Millis } from '../../base/env.ts';
import { decodeText, isObject, type Json, type JsonObject } from '../../base/json.ts';
import { StopSource } from '../../base/stop.ts';
import { timestamp } from '../../base/text.ts';
import { encodedAnswer } from '../answer.ts';
import { negotiatePlain } from '../negotiate.ts';
import { notServed } from '../unrouted.ts';
import { externalResources, externalRoot } from './group.ts';

const metricForm = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const answerWithinMs: Millis = 5_000;
/** More series than that are no metric of one thing. */
const seriesMax = 10_000;
const nanosPerMilli = 1_000_000n;

/**
 * `external.metrics.k8s.io` out of a Prometheus: a metric is the series of that name which the selector chooses. What
 * namespace asks makes no difference, as what is measured is outside of the cluster.
 */
export class ExternalMetrics {
  readonly #env: Env;
  readonly #prometheus: Transport;

  constructor(env: Env, prometheus: Transport) {
    this.#env = env;
    this.#prometheus = prometheus;
  }

  async answer(request: ApiRequest): Promise<ApiResponse> {
    const mediaType = negotiatePlain(
      request.headers.accept?.replaceAll('application/vnd.kubernetes.protobuf', 'none/none'),
    );
    const words = request.path.slice(externalRoot.length).split('/').filter(Boolean).map(decodeURIComponent);
    if (request.method !== 'GET') {
      throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
    }
    if (words.length === 0) return encodedAnswer(200, externalResources, mediaType);
    const [scope, , name = '', ...rest] = words;
    if (scope !== 'namespaces' || !metricForm.test(name) || rest.length > 0) throw notServed();
    const selector = parseLabelRequirements(queryValue(request.query, 'labelSelector') ?? '');
    const items = (await this.#series(`${name}{${selector.map(matcherText).join(',')}}`)).flatMap((one) =>
      itemOf(name, one),
    );
    const head = { kind: 'ExternalMetricValueList', apiVersion: 'external.metrics.k8s.io/v1beta1', metadata: {} };
    return encodedAnswer(200, { ...head, items }, mediaType);
  }

  async #series(query: string): Promise<readonly JsonObject[]> {
    const stop = new StopSource();
    const cancel = this.#env.clock.after(answerWithinMs, () => stop.stop());
    const late = new Promise<never>((_resolve, reject) => {
      stop.onStop(() => reject(new ApiError('Timeout', 'Prometheus did not answer in time')));
    });
    late.catch(() => {});
    const asked = this.#prometheus({
      method: 'GET',
      path: '/api/v1/query',
      query: [['query', query]],
      headers: { accept: 'application/json' },
      stop,
    });
    try {
      return seriesOf(await Promise.race([asked.then(jsonOf), late]));
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw new ApiError('ServiceUnavailable', `Prometheus cannot be asked: ${String(error)}`);
    } finally {
      cancel();
    }
  }
}

async function jsonOf(answer: ApiResponse): Promise<Json> {
  if ('body' in answer) return 'object' in answer.body ? answer.body.object : JSON.parse(decodeText(answer.body.bytes));
  if (!('stream' in answer)) throw new Error(`it answered ${answer.status} without a body`);
  let text = '';
  for await (const part of answer.stream) text += decodeText(part);
  return JSON.parse(text) as Json;
}

function seriesOf(answer: Json): readonly JsonObject[] {
  if (!isObject(answer) || answer.status !== 'success') {
    const why = isObject(answer) ? String(answer.error ?? answer.status) : 'no JSON object';
    throw new ApiError('InternalError', `Prometheus refused the query: ${why}`);
  }
  const { result } = answer.data as { readonly result?: readonly JsonObject[] };
  return (result ?? []).slice(0, seriesMax);
}

function itemOf(metricName: string, { metric, value }: JsonObject): readonly Json[] {
  const [seconds, text] = (value ?? []) as readonly [number?, string?];
  const number = Number(text);
  // A division by nothing measures nothing.
  if (!Number.isFinite(number) || seconds === undefined) return [];
  const { __name__: _name, ...metricLabels } = (metric ?? {}) as JsonObject;
  const nanos = BigInt(Math.round(number * 1_000)) * nanosPerMilli;
  const at = Math.floor(seconds * 1_000) as Instant;
  return [{ metricName, metricLabels, timestamp: timestamp(at), value: formatQuantity({ nanos, format: 'decimal' }) }];
}

/** `app="web"`, in Prometheus' own words. */
function matcherText({ key, operator, values = [] }: LabelSelectorRequirement): string {
  const any = JSON.stringify(values.map((value) => value.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'));
  switch (operator) {
    case 'Exists':
      return `${key}!=""`;
    case 'DoesNotExist':
      return `${key}=""`;
    case 'NotIn':
      return values.length === 1 ? `${key}!=${JSON.stringify(values[0])}` : `${key}!~${any}`;
    default:
      return values.length === 1 ? `${key}=${JSON.stringify(values[0])}` : `${key}=~${any}`;
  }
}
