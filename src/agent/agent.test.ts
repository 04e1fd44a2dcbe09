import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, statusOf } from '../api/error.ts';
import type { Node } from '../api/kinds/node.ts';
import type { Pod } from '../api/kinds/pod.ts';
import type { ApiRequest, ApiResponse, WatchEvent } from '../api/wire.ts';
import { Channel } from '../base/channel.ts';
import type { Env, Instant } from '../base/env.ts';
import { decodeText, isObject, type Json } from '../base/json.ts';
import { seeded } from '../base/random.ts';
import { StopSource } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import { Agent, type AgentOptions } from './agent.ts';
import type { ContainerSpec, ContainerState, Runtime } from './runtime.ts';

const start = Date.parse('2026-01-01T00:00:00Z');

/** Virtual time: `pass` runs what is due, and lets all promises settle before each timer. */
class TestClock {
  at = 0;
  #timers: { at: number; fire: () => void }[] = [];
  readonly now = () => (start + this.at) as Instant;
  readonly monotonic = () => this.at;
  after(delay: number, fire: () => void) {
    const timer = { at: this.at + Math.max(0, delay), fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }
  async pass(milliseconds: number) {
    const end = this.at + milliseconds;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = this.#timers.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.at = next.at;
      next.fire();
    }
    this.at = end;
  }
}

/** Just enough of an API server: objects by path, merge patches, watches of pods. */
class FakeApi {
  readonly objects = new Map<string, Record<string, Json>>();
  readonly #watches: ((batch: readonly WatchEvent[]) => unknown)[] = [];
  #revision = 1;

  readonly handle = async (request: ApiRequest): Promise<ApiResponse> => {
    const { method, path } = request;
    if (path.endsWith('/pods') && method === 'GET') return this.#collection(request);
    const body = (await bodyOf(request)) as Record<string, Json>;
    const key = path.replace(/\/status$/, '');
    if (method === 'POST') {
      const meta = body['metadata'] as { name: string };
      return answer(this.put(`${path}/${meta.name}`, body));
    }
    const before = this.objects.get(key);
    if (!before) return { status: 404, body: { object: statusOf(new ApiError('NotFound', 'not found')) } };
    if (method === 'GET') return answer(before);
    if (method === 'DELETE') {
      this.objects.delete(key);
      this.#tell('DELETED', before);
      return answer(before);
    }
    return answer(this.put(key, (method === 'PATCH' ? merge(before, body) : body) as Record<string, Json>));
  };

  put(key: string, object: Record<string, Json>) {
    const known = this.objects.has(key);
    const meta = object['metadata'] as Record<string, Json>;
    const next = { ...object, metadata: { ...meta, resourceVersion: String(++this.#revision) } };
    this.objects.set(key, next);
    if (key.includes('/pods/')) this.#tell(known ? 'MODIFIED' : 'ADDED', next);
    return next;
  }

  pod(name = 'web'): Pod | undefined {
    return this.objects.get(`/api/v1/namespaces/default/pods/${name}`) as unknown as Pod | undefined;
  }

  #tell(type: WatchEvent['type'], object: Record<string, Json>) {
    for (const watch of this.#watches) watch([{ type, object } as unknown as WatchEvent]);
  }

  #collection(request: ApiRequest): ApiResponse {
    if (request.query.some(([key]) => key === 'watch')) {
      const onBatch = (take: (batch: readonly WatchEvent[]) => unknown) => void this.#watches.push(take);
      return { status: 200, watch: { onBatch, onEnd: () => {} }, mediaType: 'application/json' };
    }
    const items = [...this.objects].filter(([key]) => key.includes('/pods/')).map(([, object]) => object);
    return answer({ items, metadata: { resourceVersion: String(this.#revision) } });
  }
}

const answer = (object: Json): ApiResponse => ({ status: 200, body: { object } });
async function bodyOf({ body }: ApiRequest): Promise<Json> {
  if (!body) return {};
  return 'object' in body ? body.object : JSON.parse(decodeText(body.bytes));
}
function merge(before: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const next: Record<string, Json> = isObject(before) ? { ...before } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete next[key];
    else next[key] = merge(next[key], value);
  }
  return next;
}

/** An engine whose containers run until they are told to end. */
class FakeRuntime {
  readonly name = 'fake';
  readonly calls: string[] = [];
  readonly sandboxes = new Map<string, readonly string[]>();
  readonly containers = new Map<string, ContainerState & { readonly spec: ContainerSpec }>();
  #channels: Channel<{ readonly id: string }>[] = [];
  readonly #clock: TestClock;
  healthy = true;

  constructor(clock: TestClock) {
    this.#clock = clock;
  }
  readonly port = (): Runtime => this as unknown as Runtime;
  async openSandbox({ id }: { id: string }) {
    this.calls.push(`open ${id}`);
    this.sandboxes.set(id, ['10.244.0.2']);
    return { ips: ['10.244.0.2'] };
  }
  async closeSandbox(id: string) {
    this.calls.push(`close ${id}`);
    this.sandboxes.delete(id);
    for (const [key, one] of this.containers) if (one.sandbox === id) this.containers.delete(key);
  }
  async create(spec: ContainerSpec) {
    this.containers.set(spec.id, { ...spec, spec, state: 'created' });
  }
  async start(id: string) {
    this.calls.push(`start ${id}`);
    this.#set(id, { state: 'running', startedAt: this.#clock.now() });
  }
  async stop(id: string) {
    this.calls.push(`stop ${id}`);
    this.end(id, 143);
  }
  async remove(id: string) {
    this.containers.delete(id);
  }
  async list() {
    return {
      sandboxes: [...this.sandboxes].map(([id, ips]) => ({ id, ips })),
      containers: [...this.containers.values()],
    };
  }
  events(stop: StopSource) {
    const channel = new Channel<{ readonly id: string }>().closeOn(stop);
    this.#channels.push(channel);
    return channel;
  }
  async *exec() {
    yield { exitCode: this.healthy ? 0 : 1 };
  }
  async *logs(id: string) {
    yield new TextEncoder().encode(`log of ${id}`);
  }
  readonly images = { ensure: async () => ({ id: 'sha' }) };
  end(id: string, exitCode: number) {
    this.#set(id, { state: 'exited', exitCode, finishedAt: this.#clock.now() });
  }
  #set(id: string, more: Partial<ContainerState>) {
    const before = this.containers.get(id);
    if (before) this.containers.set(id, { ...before, ...more });
    for (const channel of this.#channels) channel.push({ id });
  }
}

function world() {
  const clock = new TestClock();
  const api = new FakeApi();
  const log = {
    debug: () => {},
    info: () => {},
    error: (message: string, fields?: object) => console.error(message, fields),
  };
  const metrics = { count: () => {}, gauge: () => {}, observe: () => {} };
  const env = { clock, random: seeded('agent'), log, metrics, crypto: {} } as unknown as Env;
  const runtime = new FakeRuntime(clock);
  const client = new Client(api.handle);
  const launch = (more: Partial<AgentOptions> = {}) => {
    const stop = new StopSource();
    const agent = new Agent(
      env,
      client,
      { default: runtime.port() },
      {
        node: 'node-0',
        capacity: { cpu: '4', memory: '8Gi', pods: '110' },
        addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
        ...more,
      },
    );
    return { agent, stop, ended: agent.run(stop) };
  };
  const bind = (name: string, spec: Record<string, Json> = {}) =>
    api.put(`/api/v1/namespaces/default/pods/${name}`, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: 'default',
        uid: `uid-${name}`,
        generation: 1,
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      spec: { nodeName: 'node-0', containers: [{ name: 'c', image: 'host' }], ...spec },
    });
  return { clock, api, runtime, launch, bind };
}

test('Agent tells where its API is heard beside the address by which its node is known', async () => {
  const { clock, api, launch } = world();
  const { stop, ended } = launch({ api: { host: '127.0.0.1', port: 4321, authority: 'PEM' } });
  await clock.pass(0);
  const { metadata, status } = api.objects.get('/api/v1/nodes/node-0') as unknown as Node;
  assert.equal(metadata.annotations?.['mini-k8s.dev/node-api-host'], '127.0.0.1');
  assert.equal(status?.daemonEndpoints?.kubeletEndpoint?.Port, 4321);
  assert.deepEqual(status?.addresses, [{ type: 'InternalIP', address: '10.0.0.1' }]);
  stop.stop();
  await ended;
});

test('Agent registers its node and renews its lease, and leaves foreign amounts alone', async () => {
  const { clock, api, launch } = world();
  const { stop, ended } = launch();
  await clock.pass(0);
  const node = () =>
    api.objects.get('/api/v1/nodes/node-0') as { status: { capacity: object; conditions: { type: string }[] } };
  assert.deepEqual(
    node().status.conditions.map(({ type }) => type),
    ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'],
  );
  api.put(
    '/api/v1/nodes/node-0',
    merge(node() as unknown as Json, { status: { capacity: { 'a.b/gpu': '2' } } }) as never,
  );
  await clock.pass(301_000);
  assert.deepEqual(node().status.capacity, { cpu: '4', memory: '8Gi', pods: '110', 'a.b/gpu': '2' });
  const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-0';
  assert.equal(
    (api.objects.get(path) as { spec: { renewTime: string } }).spec.renewTime,
    '2026-01-01T00:05:00.000000Z',
  );
  stop.stop();
  await ended;
});

test('Agent runs a pod at once, heals a killed process at once, and deletes what was told to end', async () => {
  const { clock, api, runtime, launch, bind } = world();
  const { agent, stop, ended } = launch();
  await clock.pass(10);
  bind('web');
  await clock.pass(0);
  assert.equal(api.pod()?.status?.phase, 'Running');
  assert.equal(api.pod()?.status?.podIP, '10.244.0.2');
  runtime.end('uid-web_c_0', 1);
  await clock.pass(0);
  const [told] = api.pod()?.status?.containerStatuses ?? [];
  assert.equal(told?.restartCount, 1);
  assert.equal(told?.ready, true);
  const read = async (previous: boolean) => {
    const options = { follow: false, timestamps: false, previous };
    let text = '';
    for await (const bytes of await agent.logs({ namespace: 'default', name: 'web' }, undefined, options, stop)) {
      text += decodeText(bytes);
    }
    return text;
  };
  assert.equal(await read(false), 'log of uid-web_c_1');
  assert.equal(await read(true), 'log of uid-web_c_0');
  runtime.end('uid-web_c_1', 1);
  await clock.pass(0);
  assert.equal(api.pod()?.status?.containerStatuses?.[0]?.state?.waiting?.reason, 'CrashLoopBackOff');
  await clock.pass(10_000);
  assert.equal(api.pod()?.status?.containerStatuses?.[0]?.restartCount, 2);
  const dying = { deletionTimestamp: '2026-01-01T00:00:40Z', deletionGracePeriodSeconds: 30 };
  api.put('/api/v1/namespaces/default/pods/web', merge(api.pod() as unknown as Json, { metadata: dying }) as never);
  await clock.pass(0);
  assert.equal(api.pod(), undefined);
  assert.deepEqual(runtime.calls.slice(-2), ['stop uid-web_c_2', 'close uid-web']);
  stop.stop();
  await ended;
});

test('Agent that starts again adopts what runs, and ends what nobody wants', async () => {
  const { clock, api, runtime, launch, bind } = world();
  bind('web');
  bind('old');
  const first = launch();
  await clock.pass(0);
  first.stop.stop();
  await first.ended;
  const before = runtime.calls.length;
  const revision = api.pod()?.metadata.resourceVersion;
  api.objects.delete('/api/v1/namespaces/default/pods/old');
  const second = launch();
  await clock.pass(1);
  assert.deepEqual(runtime.calls.slice(before), ['stop uid-old_c_0', 'close uid-old']);
  assert.equal(api.pod()?.metadata.resourceVersion, revision);
  second.stop.stop();
  await second.ended;
});

test('Agent restarts what its liveness probe gives up, and tells when a container is ready', async () => {
  const { clock, api, runtime, launch, bind } = world();
  const probe = { exec: { command: ['true'] }, periodSeconds: 1, failureThreshold: 2 };
  bind('web', { containers: [{ name: 'c', image: 'host', livenessProbe: probe, readinessProbe: probe }] });
  const { stop, ended } = launch();
  await clock.pass(500);
  assert.equal(api.pod()?.status?.containerStatuses?.[0]?.ready, true);
  runtime.healthy = false;
  await clock.pass(2_000);
  assert.deepEqual(runtime.calls, ['open uid-web', 'start uid-web_c_0', 'stop uid-web_c_0', 'start uid-web_c_1']);
  assert.equal(api.pod()?.status?.containerStatuses?.[0]?.ready, false);
  stop.stop();
  await ended;
});

test('Agent tells which ConfigMap is missing, and starts once it is there', async () => {
  const { clock, api, launch, bind } = world();
  const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a' } } }];
  bind('web', { containers: [{ name: 'c', image: 'host', env }] });
  const { stop, ended } = launch();
  await clock.pass(0);
  assert.deepEqual(api.pod()?.status?.containerStatuses?.[0]?.state?.waiting, {
    reason: 'CreateContainerConfigError',
    message: 'configmap "settings" not found',
  });
  api.put('/api/v1/namespaces/default/configmaps/settings', { metadata: { name: 'settings' }, data: { a: '1' } });
  await clock.pass(10_000);
  assert.equal(api.pod()?.status?.phase, 'Running');
  stop.stop();
  await ended;
});

test('Agent that pretends makes a pod ready at once, whatever it names and however it is to be asked', async () => {
  const { clock, api, launch, bind } = world();
  const readinessProbe = { httpGet: { port: 80 }, initialDelaySeconds: 60 };
  const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'none', key: 'a' } } }];
  const volumeMounts = [{ name: 'v', mountPath: '/v' }];
  const volumes = [{ name: 'v', secret: { secretName: 'none' } }];
  bind('web', { containers: [{ name: 'c', image: 'host', readinessProbe, env, volumeMounts }], volumes } as never);
  const { stop, ended } = launch({ pretends: true });
  await clock.pass(100);
  assert.equal(api.pod()?.status?.containerStatuses?.[0]?.ready, true);
  stop.stop();
  await ended;
});

test('Agent refuses a pod whose port another one has, for good, and takes the next one once that is gone', async () => {
  const { clock, api, runtime, launch, bind } = world();
  const containers = [{ name: 'c', image: 'host', ports: [{ containerPort: 80, hostPort: 8080 }] }];
  bind('first', { containers });
  const { stop, ended } = launch();
  await clock.pass(10);
  bind('second', { containers });
  await clock.pass(10);
  const told = () => {
    const { phase, reason, message, startTime, observedGeneration, containerStatuses } =
      api.pod('second')?.status ?? {};
    return { phase, reason, message, startTime, observedGeneration, containerStatuses };
  };
  const refused = {
    phase: 'Failed',
    reason: 'NodePorts',
    message: "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    startTime: '2026-01-01T00:00:00Z',
    observedGeneration: 1,
    containerStatuses: undefined,
  };
  assert.deepEqual(told(), refused);
  const dying = { deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 };
  const remove = (name: string) =>
    api.put(
      `/api/v1/namespaces/default/pods/${name}`,
      merge(api.pod(name) as unknown as Json, { metadata: dying }) as never,
    );
  remove('first');
  await clock.pass(10_000);
  assert.equal(api.pod('first'), undefined);
  assert.deepEqual(told(), refused);
  remove('second');
  await clock.pass(10);
  assert.equal(api.pod('second'), undefined);
  bind('third', { containers });
  await clock.pass(10);
  assert.equal(api.pod('third')?.status?.phase, 'Running');
  assert.deepEqual(
    runtime.calls.filter((call) => call.startsWith('start')),
    ['start uid-first_c_0', 'start uid-third_c_0'],
  );
  stop.stop();
  await ended;
});

test('Agent that starts again keeps what it once took, whatever has become of its node', async () => {
  const { clock, api, launch, bind } = world();
  bind('web');
  const first = launch();
  await clock.pass(10);
  first.stop.stop();
  await first.ended;
  const path = '/api/v1/nodes/node-0';
  const tainted = merge(api.objects.get(path) as unknown as Json, {
    spec: { taints: [{ key: 'gone', effect: 'NoExecute' }] },
  });
  api.put(path, tainted as never);
  const second = launch();
  await clock.pass(10);
  bind('late');
  await clock.pass(10);
  assert.deepEqual([api.pod('web')?.status?.phase, api.pod('late')?.status?.reason], ['Running', 'TaintToleration']);
  second.stop.stop();
  await second.ended;
});

test('Agent makes room for a pod that its node cannot be without', async () => {
  const { clock, api, launch, bind } = world();
  const containers = (cpu: string) => [{ name: 'c', image: 'host', resources: { requests: { cpu } } }];
  bind('web', { containers: containers('3') });
  const { stop, ended } = launch();
  await clock.pass(10);
  bind('system', { containers: containers('2'), priority: 2_000_000_000 });
  await clock.pass(1_000);
  const { phase, reason, message, conditions } = api.pod('web')?.status ?? {};
  assert.deepEqual([phase, reason, message], ['Failed', 'Preempting', 'Preempted in order to admit critical pod']);
  assert.equal(
    conditions?.find(({ type }) => type === 'DisruptionTarget')?.message,
    'Pod was preempted by Kubelet to accommodate a critical pod.',
  );
  assert.equal(api.pod('system')?.status?.phase, 'Running');
  stop.stop();
  await ended;
});
