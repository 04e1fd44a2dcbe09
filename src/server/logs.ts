import { ApiError } from '../api/error.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { type ApiRequest, type ApiResponse, queryValue } from '../api/wire.ts';
import type { LogQuery, NodeDoors } from './node-doors.ts';
import { getEntry } from './read.ts';
import type { ResourceRoute } from './route.ts';
import type { WriteDeps } from './write.ts';

/** GET pods/NAME/log: asked of the node that runs the pod. */
export async function podLogs(
  deps: WriteDeps & { readonly nodes?: NodeDoors },
  route: ResourceRoute,
  request: ApiRequest,
): Promise<ApiResponse> {
  if (route.verb !== 'get') throw new ApiError('MethodNotAllowed', 'logs are read with GET');
  const pod = deps.views.object<Pod>(route.kind, await getEntry(deps.store, route));
  const query = logQuery(pod, request);
  // It has not started anywhere, and so nothing was said.
  if (!pod.spec.nodeName) return { status: 204, mediaType: '', chunks: [] };
  if (!deps.nodes) throw new ApiError('ServiceUnavailable', 'this server was started without a way to reach nodes');
  const { namespace = '', name, uid } = pod.metadata;
  const stream = await deps.nodes.logs(pod.spec.nodeName, { namespace, name, uid }, query, request.stop);
  return { status: 200, mediaType: 'text/plain', stream };
}

function logQuery(pod: Pod, request: ApiRequest): LogQuery {
  const value = (key: string) => queryValue(request.query, key) ?? '';
  const flag = (key: string) => value(key) === 'true' || value(key) === '1';
  const sinceTime = value('sinceTime');
  return {
    container: containerName(pod, value('container')),
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    ...numbered('tailLines', value('tailLines')),
    ...numbered('sinceSeconds', value('sinceSeconds')),
    ...numbered('limitBytes', value('limitBytes')),
    ...(sinceTime ? { sinceTime } : {}),
  };
}

function numbered<K extends string>(key: K, text: string): { readonly [key in K]?: number } {
  if (text === '') return {};
  if (!/^\d+$/.test(text))
    throw new ApiError('BadRequest', `${key}: Invalid value: ${JSON.stringify(text)}: must be a whole number`);
  return { [key]: Number(text) } as { readonly [key in K]?: number };
}

function containerName(pod: Pod, asked: string): string {
  const names = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map((container) => container.name);
  if (asked !== '') {
    if (names.includes(asked)) return asked;
    throw new ApiError('BadRequest', `container ${asked} is not valid for pod ${pod.metadata.name}`);
  }
  if (pod.spec.containers.length === 1) return pod.spec.containers[0]?.name as string;
  throw new ApiError(
    'BadRequest',
    `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${names.join(' ')}]`,
  );
}
