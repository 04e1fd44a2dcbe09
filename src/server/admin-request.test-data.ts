import { type ApiRequest, type Caller, jsonType, type Method } from '../api/wire.ts';
import { encodeText } from '../base/json.ts';
import { never } from '../base/stop.ts';

export const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };

/** What somebody asks who may do everything. A query may stand behind the path. */
export function adminRequest(method: Method, path: string, body?: string, mediaType: string = jsonType): ApiRequest {
  const [bare = '', query = ''] = path.split('?');
  return {
    method,
    path: bare,
    query: [...new URLSearchParams(query)] as [string, string][],
    headers: { 'user-agent': 'tester/1.0 (linux)' },
    caller: admin,
    stop: never,
    ...(body === undefined ? {} : { body: { bytes: encodeText(body), mediaType } }),
  };
}
