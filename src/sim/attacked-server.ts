import { builtInKinds } from '../api/kinds/all.ts';
import type { ApiRequest, Caller, Method } from '../api/wire.ts';
import type { Millis } from '../base/env.ts';
import { encodeText } from '../base/json.ts';
import { seeded } from '../base/random.ts';
import { never } from '../base/stop.ts';
import { Client, jsonOf } from '../client/client.ts';
import { bootstrap } from '../machinery/bootstrap.ts';
import { isPart } from '../server/auth/part-rights.ts';
import { ApiServer } from '../server/server.ts';
import { MemoryStore } from '../store/memory.ts';
import { SimClock } from './clock.ts';
import { simEnv } from './env.ts';

export const admin: Caller = { name: 'admin', groups: ['system:masters'], extra: {} };
export const named = (name: string, ...groups: string[]): Caller => ({
  name,
  groups: [...groups, 'system:authenticated'],
  extra: {},
});
export const rbac = '/apis/rbac.authorization.k8s.io/v1';
export const inA = `${rbac}/namespaces/a`;

const second: Millis = 1_000;
type LogLine = Readonly<Record<string, unknown>>;

interface Asked {
  readonly asked: string;
  readonly caller: Caller | undefined;
}

/** A stranger who is kept from something is told at once; any other answer stands among all requests. */
function assertLogged(lines: readonly LogLine[], { asked, caller }: Asked, status: number): void {
  const isKept = (status === 401 || status === 403) && !(caller && isPart(caller));
  const message = isKept ? 'a request was refused' : 'request';
  const line = lines.findLast((one) => one.message === message && `${one.method} ${one.path}` === asked);
  if (line?.code !== status) throw new Error(`${asked} was answered ${status}, and the log does not say so`);
}

/** A whole server of its own with the namespace a, and ways to ask it as anybody. */
export async function attackedServer() {
  const clock = new SimClock();
  const lines: LogLine[] = [];
  const tell = (message: string, fields: object = {}) => void lines.push({ message, ...fields });
  const env = simEnv({ clock, random: seeded('attacks'), log: { debug: tell, info: tell, error: tell } });
  const store = new MemoryStore();
  // Nobody here makes service accounts.
  const admission = { disable: ['ServiceAccount'] };
  const server = new ApiServer(env, store, { kinds: builtInKinds, address: '127.0.0.1:6443', admission });
  await server.bootstrap({ ip: '127.0.0.1', port: 6443, clientAuthority: 'PEM' });
  await bootstrap(new Client(server.handle, admin), {
    serviceRange: '10.96.0.0/16',
    apiServiceIp: '10.96.0.1',
    port: 6443,
  });
  const ask = async (caller: Caller | undefined, words: string, object?: object, headers: object = {}) => {
    const [method = 'GET', path = '/'] = words.split(' ');
    const [bare = '', query = ''] = path.split('?');
    const response = await server.handle({
      method: method as Method,
      path: bare,
      query: [...new URLSearchParams(query)] as [string, string][],
      headers: headers as ApiRequest['headers'],
      stop: never,
      ...(caller ? { caller } : {}),
      ...(object ? { body: method === 'PATCH' ? mergePatch(object) : { object: object as never } } : {}),
    });
    const body = await jsonOf(response).catch(() => ({}));
    if (response.status >= 400) assertLogged(lines, { asked: `${method} ${bare}`, caller }, response.status);
    // Ten lines are told in a second.
    await clock.run(second, async () => {});
    return { status: response.status, body: body as Readonly<Record<string, never>> };
  };
  /** What the administrator says, with a body as it is. */
  const send = async (words: string, text?: string, mediaType = 'application/json') => {
    const [method = 'GET', path = '/'] = words.split(' ');
    const [bare = '', query = ''] = path.split('?');
    const response = await server.handle({
      method: method as Method,
      path: bare,
      query: [...new URLSearchParams(query)],
      headers: {},
      caller: admin,
      stop: never,
      ...(text === undefined ? {} : { body: { bytes: encodeText(text), mediaType } }),
    });
    return { status: response.status, object: await jsonOf(response) };
  };
  const make = async (path: string, object: object): Promise<void> => {
    const { status, body } = await ask(admin, `POST ${path}`, object);
    if (status !== 201) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
  };
  const refused = async (caller: Caller | undefined, words: string, object?: object, headers?: object) => {
    const { status, body } = await ask(caller, words, object, headers);
    if (status !== 403) throw new Error(`${words} is not refused: ${status} ${JSON.stringify(body)}`);
    return String(body.message);
  };
  await make('/api/v1/namespaces', { metadata: { name: 'a' } });
  return { server, store, clock, ask, send, make, refused };
}

/** The same, where Joe may do this much and nothing else. */
export async function withJoe(...rules: readonly object[]) {
  const all = await attackedServer();
  await all.make(`${rbac}/clusterroles`, { metadata: { name: 'joe' }, rules });
  const metadata = { name: 'joe' };
  await all.make(`${rbac}/clusterrolebindings`, { metadata, roleRef: ref('ClusterRole', 'joe'), subjects: joe });
  return all;
}

const mergePatch = (value: object) => ({
  bytes: encodeText(JSON.stringify(value)),
  mediaType: 'application/merge-patch+json',
});
export const grant = (verbs: string[], resources: string[], group = '') => ({ verbs, resources, apiGroups: [group] });
export const ref = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });
export const joe = [{ kind: 'User', name: 'joe' }];
