import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { busybox, testEngine } from '../src/host/runtime/docker/busybox.test-data.ts';
import type { EngineClient } from '../src/host/runtime/docker/engine-client.ts';
import { kubectl } from '../tools/clients.ts';
import { finished, freeNodePort, kubectlOf, TestCluster, until } from './cluster.ts';

const found = await testEngine();
const client = await kubectl('1.36');
const skip = 'missing' in found ? found.missing : 'missing' in client ? client.missing : false;

/** The promise is half a second and the engine's own start; a busy machine of continuous integration gets more. */
const healedMs = 5_000;
const refreshedMs = 2_000;
const readyMs = 60_000;

const manifest = (nodePort: number) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {greeting: first}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: ${busybox}
        command: [sh, -c, 'echo began; echo $POD > /www/name; exec httpd -f -p 8080 -h /www']
        env: [{name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
        ports: [{containerPort: 8080}]
        resources: {limits: {memory: 32Mi, cpu: 500m}}
        readinessProbe: {httpGet: {path: /settings/greeting, port: 8080}, periodSeconds: 1}
        livenessProbe: {exec: {command: [cat, /www/settings/greeting]}, periodSeconds: 5}
        volumeMounts:
        - {name: www, mountPath: /www}
        - {name: settings, mountPath: /www/settings}
      volumes:
      - {name: www, emptyDir: {}}
      - {name: settings, configMap: {name: settings}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080, nodePort: ${nodePort}}]
`;

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status: {
    readonly podIP?: string;
    readonly containerStatuses?: readonly {
      readonly ready: boolean;
      readonly restartCount: number;
      readonly imageID: string;
    }[];
  };
}

describe('containers of a real engine', { skip }, () => {
  const { client: engine } = 'engine' in found ? found.engine : { client: undefined as unknown as EngineClient };
  const program = 'path' in client ? client.path : '';
  const cluster = new TestCluster();
  let port = 0;
  before(async () => {
    port = await freeNodePort();
  });
  after(() => cluster.clear());

  const { does } = kubectlOf(program, cluster);
  const pods = async (): Promise<readonly Pod[]> =>
    JSON.parse(await does(['get', 'pods', '-l', 'app=web', '-o', 'json'])).items;
  const readyPods = (what: string, count: number, ms = readyMs) =>
    until(what, ms, async () => {
      const list = await pods();
      return list.length === count && list.every(isReady) && list;
    });
  const answer = async (path: string) => {
    const { code, out } = await finished('curl', ['-fsS', '--max-time', '3', `http://127.0.0.1:${port}${path}`]);
    return code === 0 && out.trim();
  };

  test('a Deployment and a Service run in it, and the Service answers', async () => {
    await cluster.start('up', ['--runtime', 'docker']);
    await does(['apply', '-f', '-'], manifest(port));
    const list = await readyPods('two ready pods', 2);
    const names = list.map(({ metadata }) => metadata.name);
    assert.ok(names.includes((await until('answer of the Service', 10_000, () => answer('/name'))) as string));
    assert.equal(new Set(list.map(({ status }) => status.podIP)).size, 2);
    assert.match(list[0]?.status.containerStatuses?.[0]?.imageID ?? '', /^sha256:/);
    assert.equal(await does(['logs', names[0] as string]), 'began\n');
    const [one] = await inspected(engine, list[0]);
    assert.equal(one?.HostConfig.Memory, 32 * 2 ** 20);
    assert.equal(one?.HostConfig.CpuQuota, 50_000);
    assert.equal(one?.HostConfig.RestartPolicy.Name, 'no');
  });

  test('a changed ConfigMap is seen by running pods', async () => {
    const patch = JSON.stringify({ data: { greeting: 'second' } });
    await does(['patch', 'configmap', 'settings', '-p', patch]);
    await until('new greeting', refreshedMs, async () => (await answer('/settings/greeting')) === 'second');
  });

  test('a container that is killed is healed in its pod, with the same address', async (context) => {
    const [victim] = await pods();
    const [container] = await inspected(engine, victim);
    const began = performance.now();
    await engine.json('POST', `/containers/${container?.Id}/kill`);
    const healed = await until('restarted container', healedMs, async () => {
      const now = (await pods()).find(({ metadata }) => metadata.uid === victim?.metadata.uid);
      return now?.status.containerStatuses?.[0]?.restartCount === 1 && isReady(now) && now;
    });
    context.diagnostic(`healed and ready after ${(performance.now() - began).toFixed(0)} ms`);
    assert.equal(healed.status.podIP, victim?.status.podIP);
    assert.equal(await does(['logs', victim?.metadata.name as string, '--previous']), 'began\n');
  });

  test('after SIGKILL the same containers are adopted, and none is there twice', async () => {
    const identities = async () => (await running(engine, await pods())).sort();
    const before = await identities();
    assert.equal(before.length, 2);
    const list = await pods();
    await cluster.end('SIGKILL');
    assert.deepEqual((await running(engine, list)).sort(), before, 'they run on without a cluster');
    await cluster.start('up', ['--runtime', 'docker']);
    await readyPods('two ready pods after the restart', 2);
    // A change that passes through every part: whoever wanted to act twice had the chance to.
    await does(['scale', 'deployment/web', '--replicas', '3']);
    await readyPods('third ready pod', 3);
    const after = await identities();
    assert.equal(after.length, 3);
    for (const id of before) assert.ok(after.includes(id));
  });

  test('a class that nobody has is refused, one that no node can run says so, and another runtime is one away', async () => {
    const pod = (name: string, runtime: string, image: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  runtimeClassName: ${runtime}
  containers: [{name: c, image: ${image}, command: [sleep, '1000']}]
---`;
    const access = ['--kubeconfig', cluster.kubeconfig];
    const refused = await finished(program, [...access, 'apply', '-f', '-'], pod('nobody', 'none', busybox));
    assert.match(refused.err, /RuntimeClass "none" not found/);
    const gvisor = 'apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: gvisor}\nhandler: gvisor\n---';
    await does(['apply', '-f', '-'], gvisor + pod('foreign', 'gvisor', busybox) + pod('plain', 'process', 'host'));
    await until('event about the class', 10_000, async () => {
      const events = await does(['get', 'events', '--field-selector', 'involvedObject.name=foreign']);
      return /FailedCreatePodSandBox.*no runtime for "gvisor" is configured/.test(events);
    });
    await does(['wait', '--for=condition=Ready', 'pod/plain', '--timeout=20s']);
  });

  test('an end leaves nothing behind', async () => {
    const uids = (await pods()).map(({ metadata }) => metadata.uid);
    assert.equal(await cluster.end(), 0, cluster.log);
    for (const uid of uids) assert.deepEqual(await containersOf(engine, [ofPod(uid)]), []);
    const networks = await engine.json<readonly object[]>('GET', '/networks');
    assert.ok(!JSON.stringify(networks).includes(cluster.podRange), 'the network is gone');
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(cluster.folder), 'no mount is left');
    assert.deepEqual(await cluster.remains(), []);
  });
});

interface Inspected {
  readonly Id: string;
  readonly HostConfig: {
    readonly Memory: number;
    readonly CpuQuota: number;
    readonly RestartPolicy: { readonly Name: string };
  };
}

const ofPod = (uid: string) => `io.kubernetes.pod.uid=${uid}`;
/** What holds a pod's namespaces has none. */
const named = 'io.kubernetes.container.name';

async function containersOf(engine: EngineClient, label: readonly string[], all = true): Promise<readonly string[]> {
  const query = { all, filters: { label } };
  const list = await engine.json<readonly { readonly Id: string }[]>('GET', '/containers/json', { query });
  return list.map(({ Id }) => Id);
}

const running = async (engine: EngineClient, pods: readonly Pod[]): Promise<string[]> =>
  (await Promise.all(pods.map(({ metadata }) => containersOf(engine, [ofPod(metadata.uid), named], false)))).flat();

async function inspected(engine: EngineClient, pod: Pod | undefined): Promise<readonly Inspected[]> {
  const ids = await containersOf(engine, [ofPod(pod?.metadata.uid ?? ''), named], false);
  return Promise.all(ids.map((id) => engine.json<Inspected>('GET', `/containers/${id}/json`)));
}

const isReady = ({ status }: Pod): boolean => status.containerStatuses?.[0]?.ready === true;
