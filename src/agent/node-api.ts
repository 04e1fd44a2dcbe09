import { ApiError, statusOf } from '../api/error.ts';
import type { Key } from '../api/object.ts';
import { type ApiRequest, type ApiResponse, queryValue, type Transport } from '../api/wire.ts';
import type { Env, Instant } from '../base/env.ts';
import { encodeText, type Json } from '../base/json.ts';
import { parseTime } from '../base/text.ts';
import type { NodeDoor, PodLogOptions } from './node-door.ts';
import { NodeStats } from './node-stats.ts';
import { containerFigures, resourceFigures } from './resource-figures.ts';
import { portForward } from './streams/port-forward.ts';
import { remoteCommand } from './streams/remote-command.ts';

export interface NodeApiParts {
  readonly env: Env;
  readonly node: string;
  readonly door: NodeDoor;
  /** The process's figures as text. */
  readonly metrics?: () => string;
}

const plainText = 'text/plain; charset=utf-8';
const figuresType = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * The node's own API, as upstream's kubelet has it: logs, exec, attach, port-forward, figures. A transport like the
 * API server's: called directly in one process, and over HTTPS from another one.
 */
export class NodeApi {
  readonly #parts: NodeApiParts;
  readonly #stats: NodeStats;

  constructor(parts: NodeApiParts) {
    this.#parts = parts;
    this.#stats = new NodeStats(parts.env.clock, parts.node, parts.door);
  }

  readonly handle: Transport = async (request) => {
    try {
      return await this.#answer(request);
    } catch (error) {
      if (error instanceof ApiError) return { status: error.code, body: { object: statusOf(error) } };
      const failed = error instanceof Error ? error.message : String(error);
      this.#parts.env.log.error('a request to the node failed', { path: request.path, error: failed });
      const broken = new ApiError('InternalError', `Internal error occurred: ${failed}`);
      return { status: broken.code, body: { object: statusOf(broken) } };
    }
  };

  async #answer(request: ApiRequest): Promise<ApiResponse> {
    const [door = '', ...words] = request.path.split('/').filter(Boolean).map(decodeURIComponent);
    switch (door) {
      case 'containerLogs':
        return this.#logs(request, words);
      case 'exec':
      case 'attach':
        return this.#command(request, door, words);
      case 'portForward':
        return this.#portForward(request, words);
      default:
        return this.#read(request);
    }
  }

  async #read({ path, method }: ApiRequest): Promise<ApiResponse> {
    const { env, door, metrics } = this.#parts;
    if (method !== 'GET' && method !== 'HEAD') throw new ApiError('MethodNotAllowed', `${path} is only read`);
    switch (path.replace(/(.)\/$/, '$1')) {
      case '/healthz':
      case '/healthz/ping':
      case '/healthz/log':
        return text('ok', plainText);
      case '/pods':
        return { status: 200, body: { object: podList(door.pods() as unknown as readonly Json[]) } };
      case '/stats/summary':
        return { status: 200, body: { object: (await this.#stats.summary()) as unknown as Json } };
      case '/metrics':
        return text(metrics?.() ?? '', figuresType);
      case '/metrics/resource':
        return text(resourceFigures(await this.#stats.summary(), env.clock.now()), figuresType);
      case '/metrics/cadvisor':
        return text(containerFigures(await this.#stats.summary(), (await door.machine?.())?.cpus), figuresType);
      default:
        throw new ApiError('NotFound', '404 page not found');
    }
  }

  async #logs(request: ApiRequest, words: readonly string[]): Promise<ApiResponse> {
    const { pod, container } = placeOf(words);
    const stream = await this.#parts.door.logs(pod, container, logOptions(request, this.#parts), request.stop);
    const limit = queryValue(request.query, 'limitBytes');
    return { status: 200, mediaType: plainText, stream: limit ? limited(stream, Number(limit)) : stream };
  }

  #command(request: ApiRequest, what: 'exec' | 'attach', words: readonly string[]): Promise<ApiResponse> {
    const { pod, container } = placeOf(words);
    const { door, env } = this.#parts;
    const flag = (name: string) => isSet(queryValue(request.query, name));
    const wanted = { stdin: flag('input'), stdout: flag('output'), stderr: flag('error'), tty: flag('tty') };
    const command = request.query.flatMap(([name, value]) => (name === 'command' ? [value] : []));
    return remoteCommand(
      request,
      wanted,
      (io, stop) =>
        what === 'exec'
          ? door.exec(pod, { ...(container ? { container } : {}), command }, io, stop)
          : door.attach(pod, container, io, stop),
      env.clock,
    );
  }

  #portForward(request: ApiRequest, words: readonly string[]): ApiResponse {
    const { pod } = placeOf(words.slice(0, 2));
    const { door } = this.#parts;
    return portForward(request, `${pod.name}_${pod.namespace}`, (port) => door.connect(pod, port));
  }
}

/** namespace, name, and the container's name, before which the pod's uid may stand. */
function placeOf(words: readonly string[]): { readonly pod: Key; readonly container: string | undefined } {
  const [namespace, name, ...rest] = words;
  if (!namespace || !name || rest.length > 2) throw new ApiError('NotFound', '404 page not found');
  return { pod: { namespace, name }, container: rest.at(-1) };
}

function logOptions({ query }: ApiRequest, { env }: NodeApiParts): PodLogOptions {
  const value = (name: string) => queryValue(query, name);
  const seconds = value('sinceSeconds');
  const time = value('sinceTime');
  const tail = value('tailLines');
  const since = time ? parseTime(time) : seconds ? ((env.clock.now() - Number(seconds) * 1000) as Instant) : undefined;
  return {
    follow: isSet(value('follow')),
    previous: isSet(value('previous')),
    timestamps: isSet(value('timestamps')),
    ...(tail ? { tail: Number(tail) } : {}),
    ...(since === undefined ? {} : { since }),
  };
}

async function* limited(stream: AsyncIterable<Uint8Array>, max: number): AsyncGenerator<Uint8Array> {
  let left = max;
  for await (const bytes of stream) {
    yield bytes.subarray(0, left);
    left -= bytes.length;
    if (left <= 0) return;
  }
}

const isSet = (value: string | undefined): boolean => value !== undefined && !/^(|0|false)$/i.test(value);

const podList = (items: readonly Json[]): Json => ({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items });

const text = (content: string, mediaType: string): ApiResponse => ({
  status: 200,
  body: { bytes: encodeText(content), mediaType },
});
