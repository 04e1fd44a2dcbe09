import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { busybox, testEngine } from '../src/host/runtime/docker/busybox.test-data.ts';
import type { EngineClient } from '../src/host/runtime/docker/engine-client.ts';
import { kubectl } from '../tools/clients.ts';
import { kubectlOf, TestCluster, until } from './cluster.ts';

// Every reason that users read in STATUS, each made once with containers of a real engine, and limits that hold.

const found = await testEngine();
const client = await kubectl('1.36');
const skip = 'missing' in found ? found.missing : 'missing' in client ? client.missing : false;

const stateMs = 40_000;
const busyLoop = 'while :; do :; done';
// Children are what is killed: where the first process is, a busy engine may never say that memory ran out. Of one
// child it forgot to say so once in thirty times.
const memoryHog =
  'for time in 1 2 3; do busybox dd if=/dev/zero of=/dev/null bs=200M count=1; code=$?; sleep 1; done; exit $code';

interface State {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: { readonly reason?: string; readonly exitCode: number; readonly message?: string };
}
interface Status {
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly containerStatuses?: readonly { readonly state: State; readonly lastState: State }[];
}
const pod = (name: string, container: object, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: busybox, ...container }], ...spec },
});
const sh = (...words: readonly string[]) => ({ command: ['sh', '-c', ...words] });
const never = { restartPolicy: 'Never' };
const mounted = { volumeMounts: [{ name: 'v', mountPath: '/v' }] };

const waiting = (reason: string) => (status: Status) => status.containerStatuses?.[0]?.state.waiting?.reason === reason;
const ended = (reason: string, exitCode: number, phase: string) => (status: Status) => {
  const terminated = status.containerStatuses?.[0]?.state.terminated;
  return terminated?.reason === reason && terminated.exitCode === exitCode && status.phase === phase;
};

/** By what it is to show: the pod, and how one sees it. */
const states: readonly (readonly [string, object, (status: Status) => boolean])[] = [
  [
    'creating',
    pod('creating', { ...sh('sleep 100'), ...mounted }, { volumes: [{ name: 'v', configMap: { name: 'nowhere' } }] }),
    waiting('ContainerCreating'),
  ],
  ['crashing', pod('crashing', sh('exit 1')), waiting('CrashLoopBackOff')],
  ['unpullable', pod('unpullable', { image: '127.0.0.1:1/none:1' }), waiting('ImagePullBackOff')],
  ['never', pod('never', { image: 'mini-k8s-test/none:1', imagePullPolicy: 'Never' }), waiting('ErrImageNeverPull')],
  ['misnamed', pod('misnamed', { image: 'UPPER/case:1' }), waiting('InvalidImageName')],
  [
    'unconfigured',
    pod('unconfigured', { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'nowhere', key: 'a' } } }] }),
    waiting('CreateContainerConfigError'),
  ],
  [
    'uncreatable',
    pod('uncreatable', { securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'none.json' } } }),
    waiting('CreateContainerError'),
  ],
  [
    'initial',
    pod('initial', sh('sleep 100'), { initContainers: [{ name: 'i', image: busybox, ...sh('sleep 100') }] }),
    waiting('PodInitializing'),
  ],
  [
    'unstartable',
    pod('unstartable', { command: ['nothing-there'] }),
    (status) => {
      const [seen] = status.containerStatuses ?? [];
      const last = seen?.lastState.terminated;
      return waiting('CrashLoopBackOff')(status) && last?.reason === 'StartError' && last.exitCode === 128;
    },
  ],
  ['started-wrong', pod('started-wrong', { command: ['nothing-there'] }, never), ended('StartError', 128, 'Failed')],
  [
    'hungry',
    pod('hungry', { ...sh(memoryHog), ...limit({ memory: '32Mi' }) }, never),
    ended('OOMKilled', 137, 'Failed'),
  ],
  [
    'late',
    pod('late', sh('sleep 100'), { activeDeadlineSeconds: 2 }),
    ({ phase, reason }) => phase === 'Failed' && reason === 'DeadlineExceeded',
  ],
  [
    'greedy',
    pod(
      'greedy',
      { ...sh('busybox dd if=/dev/zero of=/v/big bs=1M count=3; sleep 100'), ...mounted },
      { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }] },
    ),
    ({ phase, reason, message }) =>
      phase === 'Failed' &&
      reason === 'Evicted' &&
      message === 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ',
  ],
  ['done', pod('done', sh('true'), never), ended('Completed', 0, 'Succeeded')],
  ['failed', pod('failed', sh('exit 3'), never), ended('Error', 3, 'Failed')],
];

/** Told for a moment only: by the pod and the reason, as they come by. */
const passing = ['unpullable ErrImagePull', 'unstartable RunContainerError', 'greedy ContainerCreating'];

function limit(limits: object) {
  return { resources: { limits } };
}

const stateful = (command: string) => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db' },
  spec: {
    serviceName: 'db',
    selector: { matchLabels: { app: 'db' } },
    template: {
      metadata: { labels: { app: 'db' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          { name: 'c', image: busybox, ...sh(command), volumeMounts: [{ name: 'data', mountPath: '/data' }] },
        ],
      },
    },
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
      },
    ],
  },
});

describe('states of pods on a real engine', { skip }, () => {
  const { client: engine } = 'engine' in found ? found.engine : { client: undefined as unknown as EngineClient };
  const program = 'path' in client ? client.path : '';
  const cluster = new TestCluster();
  const { does } = kubectlOf(program, cluster);
  const statusOf = async (name: string): Promise<Status> =>
    JSON.parse(await does(['get', 'pod', name, '-o', 'json'])).status;
  const containerOf = async (name: string) => {
    const query = { filters: { label: [`io.kubernetes.pod.name=${name}`] } };
    return (await engine.json<readonly { readonly Id: string }[]>('GET', '/containers/json', { query }))[0]?.Id ?? '';
  };
  const reasons = '{.metadata.name} {.status.containerStatuses[*].state.waiting.reason}{"\\n"}';
  const seen = new Set<string>();
  let watching: ChildProcessWithoutNullStreams | undefined;
  before(async () => {
    await cluster.start('up', ['--runtime', 'docker']);
    watching = spawn(program, [
      '--kubeconfig',
      cluster.kubeconfig,
      'get',
      'pods',
      '--watch',
      '-o',
      `jsonpath=${reasons}`,
    ]);
    createInterface({ input: watching.stdout }).on('line', (line) => seen.add(line.trim()));
    const items = states.map(([, object]) => object);
    const spin = pod('spin', { ...sh(busyLoop), ...limit({ cpu: '200m' }) });
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [...items, spin, pod('lost', sh('exec sleep 1000'), never), stateful('date >> /data/starts; sleep 1000')],
    };
    await until('namespace with its account', 20_000, () => does(['apply', '-f', '-'], JSON.stringify(list)));
  });
  after(async () => {
    watching?.kill('SIGKILL');
    await cluster.clear();
  });

  for (const [name, , isSeen] of states) {
    test(`the pod "${name}" shows its state`, async () => {
      let last: Status = {};
      await until(`state of ${name}`, stateMs, async () => {
        last = await statusOf(name);
        return isSeen(last) || Promise.reject(new Error(JSON.stringify(last)));
      });
    });
  }

  test('what is told for a moment only was told', async () => {
    await until('all of them', stateMs, () => {
      const missing = passing.filter((one) => !seen.has(one));
      if (missing.length > 0) throw new Error(`not seen: ${missing}; seen: ${[...seen]}`);
      return true;
    });
  });

  test('a limit of processors holds', async () => {
    const id = await until('container that spins', stateMs, () => containerOf('spin'));
    const used = async () => {
      const query = { stream: false, 'one-shot': true };
      const stats = await engine.json<Stats>('GET', `/containers/${id}/stats`, { query });
      return stats.cpu_stats.cpu_usage.total_usage;
    };
    const [began, before] = [performance.now(), await used()];
    await sleep(2_000);
    const share = ((await used()) - before) / 1e6 / (performance.now() - began);
    assert.ok(share < 0.25, `it used ${share.toFixed(2)} of a processor, and may use 0.2`);
  });

  test('events tell what was tried', async () => {
    const events = await does(['get', 'events', '-o', 'custom-columns=R:.reason,N:.involvedObject.name,M:.message']);
    assert.match(events, /BackOff +crashing +Back-off restarting failed container c in pod crashing_default\(/);
    assert.match(events, /BackOff +unpullable +Back-off pulling image "127.0.0.1:1\/none:1"/);
    assert.match(events, /Evicted +greedy +Usage of EmptyDir volume "v" exceeds the limit "1Mi"/);
    assert.match(events, /FailedMount +creating +MountVolume.SetUp failed.*configmap "nowhere" not found/);
    assert.match(events, /ErrImageNeverPull +never /);
  });

  test('a container that was taken away while nobody looked is said to be lost', async () => {
    const id = await until('container that is to be lost', stateMs, () => containerOf('lost'));
    await until('status of it', stateMs, async () => (await statusOf('lost')).phase === 'Running');
    await cluster.end('SIGKILL');
    await engine.json('DELETE', `/containers/${id}`, { query: { force: true } });
    await cluster.start('up', ['--runtime', 'docker']);
    await until('state of lost', stateMs, async () => {
      const last = await statusOf('lost');
      const terminated = last.containerStatuses?.[0]?.state.terminated;
      assert.deepEqual(
        [terminated?.reason, terminated?.exitCode],
        ['ContainerStatusUnknown', 137],
        JSON.stringify(last),
      );
      assert.match(terminated?.message ?? '', /could not be located when the pod was deleted. {2}The container used/);
      return last.phase === 'Failed';
    });
  });

  test('a StatefulSet has its data again after everything was ended and started', async () => {
    const starts = async () => (await does(['exec', 'db-0', '--', 'cat', '/data/starts'])).trim().split('\n').length;
    await does(['wait', '--for=condition=Ready', 'pod/db-0', '--timeout=30s']);
    const before = await starts();
    assert.equal(await cluster.end(), 0, cluster.log);
    await cluster.start('up', ['--runtime', 'docker']);
    await until('data of before, and a line more', stateMs, async () => (await starts()) === before + 1);
    await cluster.end();
    assert.deepEqual(await cluster.remains(), []);
  });
});

interface Stats {
  readonly cpu_stats: { readonly cpu_usage: { readonly total_usage: number } };
}
