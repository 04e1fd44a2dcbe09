import { ApiError } from '../api/error.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { type ApiRequest, type ApiResponse, queryValue } from '../api/wire.ts';
import type { NodeDoors } from './node-doors.ts';
import { getEntry } from './read.ts';
import type { ResourceRoute } from './route.ts';
import { asksForSocket, overSocket } from './streaming/log-socket.ts';
import { nodePlace } from './streaming/node-place.ts';
import { containerOf } from './streaming/pod-container.ts';
import { relayedHeaders } from './streaming/proxy.ts';
import type { WriteDeps } from './write.ts';

const numbers = ['tailLines', 'sinceSeconds', 'limitBytes'];
const others = ['follow', 'previous', 'timestamps', 'sinceTime'];

/** GET pods/NAME/log: asked of the node that runs the pod. */
export async function podLogs(
  deps: WriteDeps & { readonly nodes?: NodeDoors },
  route: ResourceRoute,
  request: ApiRequest,
): Promise<ApiResponse> {
  if (route.verb !== 'get') throw new ApiError('MethodNotAllowed', 'logs are read with GET');
  const pod = deps.views.object<Pod>(route.kind, await getEntry(deps.store, route));
  const container = containerOf(pod, queryValue(request.query, 'container') ?? '');
  const query = logQuery(request);
  // It has not started anywhere, and so nothing was said.
  if (!pod.spec.nodeName) return { status: 204, mediaType: '', chunks: [] };
  if (!deps.nodes) throw new ApiError('ServiceUnavailable', 'this server was started without a way to reach nodes');
  const { namespace = '', name } = pod.metadata;
  const place = await nodePlace(deps.store, pod.spec.nodeName);
  const path = `/containerLogs/${[namespace, name, container].map(encodeURIComponent).join('/')}`;
  const { duplex: _socket, ...plain } = request;
  const answer = await deps.nodes(place)({ ...plain, path, query, headers: relayedHeaders(plain) });
  if (!('stream' in answer) || answer.status >= 300) return answer;
  if (asksForSocket(request)) return overSocket(request, answer.stream);
  return { status: 200, mediaType: 'text/plain', stream: answer.stream };
}

function logQuery(request: ApiRequest): ApiRequest['query'] {
  for (const key of numbers) requireNumber(key, queryValue(request.query, key) ?? '');
  return request.query.filter(([name, value]) => value !== '' && [...numbers, ...others].includes(name));
}

function requireNumber(key: string, text: string): void {
  if (text !== '' && !/^\d+$/.test(text)) {
    throw new ApiError('BadRequest', `${key}: Invalid value: ${JSON.stringify(text)}: must be a whole number`);
  }
}
