import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { SpdyConnection } from '../api/streaming/spdy.ts';
import type { ApiRequest, ApiResponse, Duplex } from '../api/wire.ts';
import type { Instant } from '../base/env.ts';
import { decodeText, encodeText, type Json } from '../base/json.ts';
import { Pipe } from '../base/pipe.ts';
import { StopSource } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import type { World } from './command.ts';
import { clusterCommands } from './commands.ts';
import { runCommand } from './run.ts';

/** What the cluster has, by path. */
type Objects = Map<string, Json>;

const meta = (name: string, more: object = {}) => ({
  name,
  namespace: 'default',
  uid: name,
  resourceVersion: '1',
  ...more,
});
const list = (...items: readonly Json[]): Json => ({ items, metadata: { resourceVersion: '1' } });
const owned = {
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'r', controller: true }],
};
const pod = (name: string): Json => ({
  metadata: meta(name, owned),
  spec: { containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 8080 }] }] },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
});
const slice = (...names: readonly string[]): Json => ({
  metadata: meta('web-a'),
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }],
  endpoints: names.map((name) => ({ addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', namespace: 'default', name } })),
});
const service: Json = { metadata: meta('web'), spec: { type: 'LoadBalancer', ports: [{ name: 'http', port: 80 }] } };
const base = '/api/v1/namespaces/default';
const slicePath = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';

/** A pod that says its name and port before it repeats what it hears. */
async function echo(peer: Duplex, name: string): Promise<void> {
  const connection = new SpdyConnection(peer);
  const running = connection.run();
  for await (const stream of connection.opened) {
    if (stream.headers['streamtype'] === 'error') {
      await stream.end();
      continue;
    }
    await stream.write(encodeText(`${name}:${stream.headers['port']} `));
    for await (const bytes of stream.incoming) await stream.write(bytes);
    await stream.end();
  }
  await running;
}

function serverOf(objects: Objects) {
  return async ({ path }: ApiRequest): Promise<ApiResponse> => {
    const forwarded = /\/pods\/([^/]+)\/portforward$/.exec(path)?.[1];
    if (forwarded !== undefined && objects.has(`${base}/pods/${forwarded}`)) {
      return { status: 101, upgrade: 'SPDY/3.1', serve: (peer) => echo(peer, forwarded) };
    }
    const object = objects.get(path);
    if (object !== undefined) return { status: 200, body: { object } };
    const failure = { kind: 'Status', status: 'Failure', reason: 'NotFound', message: `${path} not found`, code: 404 };
    return { status: 404, body: { object: failure } };
  };
}

/** A command that runs, and a way to be somebody who connects to what it listens at. */
function started(line: string, objects: Objects) {
  const stop = new StopSource();
  const said = { out: '', error: '' };
  const doors = new Map<number, (peer: Duplex) => void>();
  const waiting: (() => void)[] = [];
  let now = 0;
  const world: World = {
    io: {
      out: (text) => void (said.out += text),
      error: (text) => void (said.error += text),
      read: async () => ({ text: '' }),
      stdin: async () => '',
    },
    clock: {
      now: () => 0 as Instant,
      monotonic: () => now,
      after: (delay, fire) => {
        waiting.push(() => {
          now += delay;
          fire();
        });
        return () => {};
      },
    },
    environment: {},
    stop,
    version: '0.0.0',
    connect: async () => ({ client: new Client(serverOf(objects)), namespace: 'default' }),
    listen: async ({ port }, accept) => {
      if (port === 80) throw new Error('not ours to take');
      doors.set(port || 40_000, accept);
      return { port: port || 40_000, close: () => doors.delete(port || 40_000) };
    },
    browse: async (url) => {
      said.out += `browser at ${url}\n`;
      return true;
    },
  };
  const ended = runCommand(clusterCommands, line.split(' '), world);
  const settled = async () => {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  };
  const ask = async (port: number, text: string): Promise<string> => {
    const [there, back] = [new Pipe(), new Pipe()];
    doors.get(port)?.({ incoming: there, write: (bytes) => back.write(bytes), end: () => back.end() });
    await there.write(encodeText(text));
    there.end();
    let answer = '';
    for await (const bytes of back) answer += decodeText(bytes);
    return answer;
  };
  const pass = async () => {
    for (const fire of waiting.splice(0)) fire();
    await settled();
  };
  return { said, doors, ask, pass, settled, ended, stop };
}

const ready = async (command: ReturnType<typeof started>) => {
  for (let turn = 0; turn < 200 && command.doors.size === 0; turn++) await new Promise((go) => setImmediate(go));
};

test('port-forward takes each connection to a pod that is ready now, in turns and after a replacement', async () => {
  const objects: Objects = new Map([
    [`${base}/services/web`, service],
    [`${base}/pods/a`, pod('a')],
    [`${base}/pods/b`, pod('b')],
    [slicePath, list(slice('a', 'b'))],
  ]);
  const command = started('port-forward svc/web 9000:http', objects);
  await ready(command);
  equal(command.said.out, 'Forwarding from 127.0.0.1:9000 -> http\n');
  deepEqual([await command.ask(9000, 'x'), await command.ask(9000, 'y')], ['a:8080 x', 'b:8080 y']);
  objects.set(`${base}/pods/c`, pod('c')).set(slicePath, list(slice('c')));
  equal(await command.ask(9000, 'z'), 'c:8080 z');
  command.stop.stop();
  equal(await command.ended, 0);
});

test('port-forward holds a connection until a pod is there again', async () => {
  const objects: Objects = new Map([
    [`${base}/services/web`, service],
    [slicePath, list()],
  ]);
  const command = started('port-forward service/web 9000:80', objects);
  await ready(command);
  const asked = command.ask(9000, 'x');
  for (let turn = 0; turn < 3; turn++) await new Promise((go) => setImmediate(go));
  equal(command.said.error, 'service/web: nobody is ready to answer, waiting\n');
  objects.set(`${base}/pods/a`, pod('a')).set(slicePath, list(slice('a')));
  await command.pass();
  equal(await asked, 'a:8080 x');
});

test('port-forward to a pod goes on with its successor, and a named port is looked up', async () => {
  const objects: Objects = new Map([
    [`${base}/pods/a`, pod('a')],
    [`${base}/pods`, list(pod('a'), pod('b'))],
  ]);
  const command = started('port-forward a :web', objects);
  await ready(command);
  equal(command.said.out, 'Forwarding from 127.0.0.1:40000 -> web\n');
  equal(await command.ask(40_000, 'x'), 'a:8080 x');
  objects.delete(`${base}/pods/a`);
  objects.set(`${base}/pods/b`, pod('b')).set(`${base}/pods`, list(pod('b')));
  equal(await command.ask(40_000, 'y'), 'b:8080 y');
});

test('port-forward says at once what is not there', async () => {
  const objects: Objects = new Map([
    [`${base}/services/web`, service],
    [slicePath, list()],
  ]);
  const none = started('port-forward pod/none 80', objects);
  equal(await none.ended, 1);
  match(none.said.error, /^Error from server \(NotFound\)/);
  const wrong = started('port-forward svc/web 9000:81', objects);
  await ready(wrong);
  equal(await wrong.ask(9000, 'x'), '');
  match(wrong.said.error, /service\/web has no port 81: it has 80 \(http\)/);
});

test('open shows a Service and says where it is', async () => {
  const objects: Objects = new Map([
    [`${base}/services/web`, service],
    [`${base}/pods/a`, pod('a')],
    [slicePath, list(slice('a'))],
  ]);
  const command = started('open web', objects);
  await ready(command);
  for (let turn = 0; turn < 3; turn++) await new Promise((go) => setImmediate(go));
  const url = 'http://127.0.0.1:40000/';
  equal(command.said.out, `service/web is at ${url} until this command is ended\nbrowser at ${url}\n`);
  equal(await command.ask(40_000, 'x'), 'a:8080 x');
});

test('tunnel keeps LoadBalancer Services open as they come and go, elsewhere where a port is taken', async () => {
  const objects: Objects = new Map([
    [`${base}/services`, list(service)],
    [`${base}/services/web`, service],
    [`${base}/pods/a`, pod('a')],
    [slicePath, list(slice('a'))],
  ]);
  const command = started('tunnel', objects);
  await ready(command);
  for (let turn = 0; turn < 3; turn++) await new Promise((go) => setImmediate(go));
  equal(command.said.out, 'default/web port 80 is at 127.0.0.1:40000\n');
  equal(await command.ask(40_000, 'x'), 'a:8080 x');
  objects.set(`${base}/services`, list());
  await command.pass();
  for (let turn = 0; turn < 3; turn++) await new Promise((go) => setImmediate(go));
  equal(command.said.out, 'default/web port 80 is at 127.0.0.1:40000\nclosed default/web port 80\n');
  equal(command.doors.size, 0);
});
