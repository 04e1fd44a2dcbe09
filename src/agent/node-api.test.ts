import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SpdyConnection, type SpdyStream } from '../api/streaming/spdy.ts';
import { tunnel, WebSocketConnection } from '../api/streaming/web-socket.ts';
import type { ApiRequest, ApiResponse, Duplex } from '../api/wire.ts';
import type { Env } from '../base/env.ts';
import { encodeText } from '../base/json.ts';
import { Pipe } from '../base/pipe.ts';
import { never } from '../base/stop.ts';
import { NodeApi } from './node-api.ts';
import type { NodeDoor } from './node-door.ts';
import type { Summary } from './node-stats.ts';
import type { ExecIo, ExecPart } from './runtime.ts';

/** A command that repeats its input in capitals, tells its terminal's size, and ends with the code in its words. */
async function* loud(command: readonly string[], io: ExecIo): AsyncGenerator<ExecPart> {
  yield { from: 'stderr', bytes: encodeText('ready ') };
  if (io.resize)
    for await (const { rows, columns } of io.resize) {
      yield { from: 'stdout', bytes: encodeText(`${columns}x${rows} `) };
      break;
    }
  for await (const bytes of io.stdin ?? []) yield { from: 'stdout', bytes: encodeText(textOf([bytes]).toUpperCase()) };
  yield { exitCode: Number(command[0] ?? 0) };
}

/** A pod whose port 80 answers what it hears, turned round. */
function mirror(port: number): Promise<Duplex> {
  if (port !== 80) return Promise.reject(new Error('connection refused'));
  const back = new Pipe();
  return Promise.resolve({
    incoming: back,
    write: (bytes) => back.write(bytes.slice().reverse()),
    end: () => back.end(),
  });
}

const door: NodeDoor = {
  logs: async (_pod, container, options) => [encodeText(`${container} ${JSON.stringify(options)}`)] as never,
  exec: async (_pod, { command }, io) => loud(command, io),
  attach: async (_pod, _container, io) => loud([], io),
  connect: (_pod, port) => mirror(port),
  pods: () => [{ metadata: { name: 'web', namespace: 'a', uid: 'u1' }, spec: { containers: [] } }] as never,
  usage: async () => [{ id: 'u1_main_0', cpuNanosTotal: 5e9, memoryBytes: 1000 }],
};
const clock = { now: () => 0, monotonic: () => 0, after: () => () => {} };
const log = { debug: () => {}, info: () => {}, error: () => {} };
const api = new NodeApi({ env: { clock, log } as unknown as Env, node: 'n', door });

const textOf = (parts: readonly Uint8Array[]) => Buffer.concat(parts).toString();

/** Two ends of one connection. */
function wire(): { readonly near: Duplex; readonly far: Duplex } {
  const [there, back] = [new Pipe(), new Pipe()];
  const end = (from: Pipe, to: Pipe): Duplex => ({
    incoming: from,
    write: (bytes) => to.write(bytes),
    end: () => to.end(),
  });
  return { near: end(back, there), far: end(there, back) };
}

function asked(path: string, headers: ApiRequest['headers'], duplex?: Duplex): ApiRequest {
  const [bare = '', query = ''] = path.split('?');
  const upgrade = duplex ? { duplex } : {};
  return { method: 'GET', path: bare, query: [...new URLSearchParams(query)], headers, stop: never, ...upgrade };
}

async function open(path: string, headers: ApiRequest['headers']): Promise<{ near: Duplex; answer: ApiResponse }> {
  const { near, far } = wire();
  const answer = await api.handle(asked(path, { connection: 'Upgrade', ...headers }, far));
  if ('upgrade' in answer) void answer.serve(far).then(() => far.end());
  return { near, answer };
}

const mask = () => Uint8Array.of(9, 8, 7, 6);
const overSocket = (protocol: string) => ({ upgrade: 'websocket', 'sec-websocket-protocol': protocol });
const overSpdy = (protocol: string) => ({ upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol });

/** Everything that came on each channel. */
async function channelsOf(socket: WebSocketConnection): Promise<Record<number, string>> {
  const said: Record<number, string> = {};
  for await (const { bytes } of socket.messages()) {
    const [channel = -1] = bytes;
    said[channel] = (said[channel] ?? '') + textOf([bytes.subarray(1)]);
  }
  return said;
}

test('exec over a WebSocket carries input, its end, both outputs and the exit code', async () => {
  const path = '/exec/a/web/main?command=3&input=1&output=1&error=1';
  const { near, answer } = await open(path, overSocket('v5.channel.k8s.io'));
  assert.equal(answer.status, 101);
  assert.equal(answer.headers?.['Sec-WebSocket-Protocol'], 'v5.channel.k8s.io');
  const socket = new WebSocketConnection(near, mask);
  await socket.send(Uint8Array.of(0, ...encodeText('hello')));
  await socket.send(Uint8Array.of(255, 0));
  const said = await channelsOf(socket);
  assert.deepEqual([said[1], said[2]], ['HELLO', 'ready ']);
  const status = JSON.parse(said[3] ?? '');
  assert.equal(status.reason, 'NonZeroExitCode');
  assert.deepEqual(status.details.causes, [{ reason: 'ExitCode', message: '3' }]);
});

test('The oldest protocol tells of failures in words, and of nothing else', async () => {
  const failed = await open('/exec/a/web/main?command=3&error=1', overSocket('channel.k8s.io'));
  const said = await channelsOf(new WebSocketConnection(failed.near, mask));
  assert.equal(said[3], 'command terminated with non-zero exit code: exit status 3');
  const well = await open('/exec/a/web/main?command=0&error=1', overSocket('channel.k8s.io'));
  assert.equal((await channelsOf(new WebSocketConnection(well.near, mask)))[3], undefined);
});

/** A client's session: what each stream said, once all have ended. */
async function overStreams(
  near: Duplex,
  names: readonly string[],
  speak: (of: Map<string, SpdyStream>) => Promise<void>,
) {
  const connection = new SpdyConnection(near);
  const running = connection.run();
  const streams = new Map<string, SpdyStream>();
  for (const streamtype of names) streams.set(streamtype, await connection.open({ streamtype }));
  await speak(streams);
  const said: Record<string, string> = {};
  for (const [name, stream] of streams) {
    const parts: Uint8Array[] = [];
    for await (const bytes of stream.incoming) parts.push(bytes);
    said[name] = textOf(parts);
  }
  near.end();
  await running;
  return said;
}

test('exec over SPDY carries the same, with a terminal and its size', async () => {
  const path = '/exec/a/web/main?command=0&input=1&output=1&tty=1';
  const { near, answer } = await open(path, overSpdy('v5.channel.k8s.io, v4.channel.k8s.io'));
  assert.equal(answer.headers?.['X-Stream-Protocol-Version'], 'v4.channel.k8s.io');
  const said = await overStreams(near, ['error', 'stdin', 'stdout', 'resize'], async (streams) => {
    await streams.get('resize')?.write(encodeText('{"Width":80,"He'));
    await streams.get('resize')?.write(encodeText('ight":24}\n'));
    await streams.get('stdin')?.write(encodeText('hello'));
    await streams.get('stdin')?.end();
  });
  assert.equal(said['stdout'], '80x24 HELLO');
  assert.deepEqual(JSON.parse(said['error'] ?? ''), { metadata: {}, status: 'Success' });
});

async function forwarded(near: Duplex, port: string): Promise<Record<string, string>> {
  const connection = new SpdyConnection(near);
  void connection.run();
  const error = await connection.open({ streamtype: 'error', port, requestid: '0' });
  const data = await connection.open({ streamtype: 'data', port, requestid: '0' });
  await error.end();
  await data.write(encodeText('abc'));
  await data.end();
  const said: Record<string, string> = {};
  for (const [name, stream] of Object.entries({ error, data })) {
    const parts: Uint8Array[] = [];
    for await (const bytes of stream.incoming) parts.push(bytes);
    said[name] = textOf(parts);
  }
  near.end();
  return said;
}

test('port-forward over SPDY, plain and inside a WebSocket, reaches a port, and tells of one that is closed', async () => {
  const plain = await open('/portForward/a/web', overSpdy('portforward.k8s.io'));
  assert.deepEqual(await forwarded(plain.near, '80'), { data: 'cba', error: '' });
  const { near, answer } = await open('/portForward/a/web', overSocket('SPDY/3.1+portforward.k8s.io'));
  assert.equal(answer.headers?.['Sec-WebSocket-Protocol'], 'SPDY/3.1+portforward.k8s.io');
  const inside = tunnel(new WebSocketConnection(near, mask));
  assert.deepEqual(await forwarded(inside, '81'), {
    data: '',
    error: 'error forwarding port 81 to pod web_a: connection refused',
  });
});

test('port-forward by channels begins each with its port', async () => {
  const { near } = await open('/portForward/a/web?port=80', overSocket('v4.channel.k8s.io'));
  const socket = new WebSocketConnection(near, mask);
  await socket.send(Uint8Array.of(0, 1, 2, 3));
  const heard: Uint8Array[] = [];
  for await (const { bytes } of socket.messages()) {
    heard.push(bytes);
    if (heard.length === 3) break;
  }
  assert.deepEqual(heard, [Uint8Array.of(0, 80, 0), Uint8Array.of(1, 80, 0), Uint8Array.of(0, 3, 2, 1)]);
});

test('What cannot be upgraded is answered as a Status', async () => {
  const code = async (path: string, headers: ApiRequest['headers']) => (await open(path, headers)).answer.status;
  assert.equal(await code('/exec/a/web/main?output=1', {}), 400);
  assert.equal(await code('/exec/a/web/main', overSocket('v5.channel.k8s.io')), 400);
  assert.equal(await code('/exec/a/web/main?output=1', overSocket('v9')), 400);
  assert.equal(await code('/exec/a/web/main?output=1', overSpdy('v9')), 403);
  assert.equal(await code('/portForward/a/web?port=0', overSocket('v4.channel.k8s.io')), 400);
  assert.equal((await api.handle(asked('/nothing', {}))).status, 404);
});

test('A client that sends anything at all ends its own session only', async () => {
  const headers = [overSocket('v5.channel.k8s.io'), overSpdy('v4.channel.k8s.io')];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 })), fc.nat(1), async (chunks, which) => {
      const { near, far } = wire();
      const request = { connection: 'Upgrade', ...headers[which] };
      const answer = await api.handle(asked('/exec/a/web/main?input=1&output=1', request, far));
      assert.ok('upgrade' in answer);
      const served = answer.serve(far);
      for (const chunk of chunks) await near.write(chunk);
      near.end();
      await served;
    }),
    { numRuns: 200 },
  );
});

test('Figures are told as a summary and as metrics', async () => {
  const body = async (path: string) => {
    const answer = await api.handle(asked(path, {}));
    assert.ok('body' in answer);
    return 'object' in answer.body ? JSON.stringify(answer.body.object) : textOf([answer.body.bytes]);
  };
  const summary = JSON.parse(await body('/stats/summary'));
  assert.equal(summary.node.cpu.usageCoreNanoSeconds, 5e9);
  assert.equal(summary.pods[0].containers[0].memory.workingSetBytes, 1000);
  const line = 'container_cpu_usage_seconds_total{container="main",namespace="a",pod="web"} 5 0';
  assert.ok((await body('/metrics/resource')).includes(line));
  assert.ok((await body('/pods')).includes('"kind":"PodList"'));
});

test('A node that knows its machine tells of all of it, and of containers under the names of dashboards', async () => {
  const signals = {
    'memory.available': { available: 600, capacity: 1000 },
    'nodefs.available': { available: 70, capacity: 100 },
  };
  const whole: NodeDoor = { ...door, machine: async () => ({ cpus: 4, cpuNanosTotal: 9e9, signals }) };
  const told = new NodeApi({ env: { clock, log } as unknown as Env, node: 'n', door: whole });
  const answer = await told.handle(asked('/stats/summary', {}));
  assert.ok('body' in answer && 'object' in answer.body);
  const { node } = answer.body.object as unknown as Summary;
  assert.deepEqual([node.cpu.usageCoreNanoSeconds, node.memory.workingSetBytes, node.fs?.usedBytes], [9e9, 400, 30]);
  const figures = await told.handle(asked('/metrics/cadvisor', {}));
  assert.ok('body' in figures && 'bytes' in figures.body);
  const text = textOf([figures.body.bytes]);
  assert.ok(text.includes('container_memory_working_set_bytes{container="main",namespace="a",pod="web"} 1000\n'));
  assert.ok(text.includes('machine_cpu_cores 4\n') && text.includes('machine_memory_bytes 1000\n'));
});
