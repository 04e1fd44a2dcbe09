import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { busybox, testEngine } from '../src/host/runtime/docker/busybox.test-data.ts';
import type { Engine } from '../src/host/runtime/docker/engine.ts';
import { kubectl } from '../tools/clients.ts';
import { kubectlOf, TestCluster, until } from './cluster.ts';

// What a pod says about itself and its containers, looked at from inside of real containers.

const found = await testEngine();
const client = await kubectl('1.36');
const skip = 'missing' in found ? found.missing : 'missing' in client ? client.missing : false;

const isRoot = process.getuid?.() === 0;

const patienceMs = 30_000;
const refreshedMs = 3_000;
const sh = (script: string) => ({ image: busybox, command: ['sh', '-c', script] });
const pod = (name: string, containers: readonly object[], spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { terminationGracePeriodSeconds: 1, containers, ...spec },
});
const data = [{ name: 'd', mountPath: '/d' }];

const names = pod(
  'names',
  [
    {
      name: 'c',
      ...sh('busybox hostname; cat /etc/hosts /etc/resolv.conf /proc/sys/net/ipv4/ip_local_port_range; id; sleep 1000'),
      resources: { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } },
      securityContext: { runAsUser: 1000 },
      volumeMounts: data,
    },
    { name: 'other', ...sh('exec sleep 1003') },
  ],
  {
    hostname: 'db',
    subdomain: 'data',
    setHostnameAsFQDN: true,
    hostAliases: [{ ip: '10.0.0.9', hostnames: ['x', 'y.z'] }],
    dnsPolicy: 'None',
    dnsConfig: { nameservers: ['192.0.2.1'], searches: ['my.dns'], options: [{ name: 'ndots', value: '2' }] },
    shareProcessNamespace: true,
    securityContext: {
      sysctls: [{ name: 'net.ipv4.ip_local_port_range', value: '1024 65000' }],
      supplementalGroups: [4001],
      fsGroup: 4002,
    },
    volumes: [{ name: 'd', emptyDir: {} }],
  },
);
const ownWord = { terminationMessagePath: '/my/end', securityContext: { runAsUser: 1000 } };
const words = pod(
  'words',
  [
    { name: 'file', ...sh('echo -n DONE > /dev/termination-log') },
    { name: 'log', ...sh('echo -n LOGGED; exit 1'), terminationMessagePolicy: 'FallbackToLogsOnError' },
    { name: 'own', ...sh('echo -n LOGGED; echo -n OWN > /my/end'), ...ownWord },
  ],
  { restartPolicy: 'Never' },
);
const files = pod(
  'files',
  [
    {
      name: 'c',
      ...sh('exec 2>&1; echo "$A"; ls /img/bin/sh; echo x > /img/y; grep -c " /proc/sys " /proc/mounts; sleep 1000'),
      env: [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'd', path: 'env', key: 'A' } } }],
      volumeMounts: [{ name: 'img', mountPath: '/img' }],
    },
  ],
  {
    initContainers: [{ name: 'i', ...sh('echo "A=\'one two\'" > /d/env'), volumeMounts: data }],
    volumes: [
      { name: 'd', emptyDir: {} },
      { name: 'img', image: { reference: busybox } },
    ],
  },
);
const rules = pod(
  'rules',
  [
    {
      name: 'c',
      ...sh('[ -e /d/again ] && exit 7; echo > /d/again; exit 42'),
      restartPolicy: 'Never',
      restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
      volumeMounts: data,
    },
  ],
  { restartPolicy: 'Never', volumes: [{ name: 'd', emptyDir: {} }] },
);
const all = { action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } };
/** The init container counts how often the pod began; its sidecar asks once for all of it again. */
const anew = pod('anew', [{ name: 'c', ...sh('echo "began $(cat /d/times)"; exec sleep 1000'), volumeMounts: data }], {
  restartPolicy: 'Never',
  initContainers: [
    { name: 'i', ...sh('echo x >> /d/times'), volumeMounts: data },
    {
      name: 'side',
      ...sh('[ "$(cat /d/times)" = x ] && sleep 2 && exit 42; exec sleep 1000'),
      restartPolicy: 'Always',
      restartPolicyRules: [all],
      volumeMounts: data,
    },
  ],
  volumes: [{ name: 'd', emptyDir: {} }],
});
const crowd = 'mini-k8s-test/crowd:1';
const member = (name: string, supplementalGroupsPolicy: string, own: object = {}) =>
  pod(name, [{ name: 'c', image: crowd, command: ['sh', '-c', 'id; sleep 1000'] }], {
    securityContext: { runAsUser: 1000, supplementalGroups: [4000], supplementalGroupsPolicy, ...own },
  });
const confined = (name: string, securityContext: object) =>
  pod(name, [
    { name: 'c', ...sh('grep -E "Seccomp:|NoNewPrivs|CapEff" /proc/self/status; sleep 1000'), securityContext },
  ]);
const probe = (script: string) => ({
  exec: { command: ['sh', '-c', script] },
  periodSeconds: 1,
  timeoutSeconds: 1,
  failureThreshold: 2,
});
const flapping = pod('flapping', [{ name: 'c', ...sh('sleep 1000'), readinessProbe: probe('test -e /tmp/well') }]);
const slow = pod('slow', [{ name: 'c', ...sh('exec sleep 1000'), livenessProbe: probe('sleep 5') }]);
const health = `require('http2').createServer().on('stream', (s) => {
  s.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
  s.on('wantTrailers', () => s.sendTrailers({ 'grpc-status': '0' }));
  s.end(Buffer.from([0, 0, 0, 0, 2, 8, Date.now() - began > 3000 ? 2 : 1]));
}).listen(+process.env.PORT, process.env.HOST); const began = Date.now()`;
const called = pod(
  'called',
  [
    {
      name: 'c',
      image: 'host',
      command: [process.execPath, '-e', health],
      ports: [{ containerPort: 5000 }],
      readinessProbe: { grpc: { port: 5000 }, periodSeconds: 1 },
      livenessProbe: { grpc: { port: 5000 }, periodSeconds: 1, failureThreshold: 2 },
    },
  ],
  { runtimeClassName: 'process' },
);

describe('what pods say about themselves, on a real engine', { skip }, () => {
  const program = 'path' in client ? client.path : '';
  const cluster = new TestCluster();
  const { does } = kubectlOf(program, cluster);
  const get = (name: string, path: string) => does(['get', 'pod', name, '-o', `jsonpath={${path}}`]);
  const eventually = (name: string, path: string, wanted: RegExp) =>
    until(`${path} of ${name} like ${wanted}`, patienceMs, async () => {
      const seen = await get(name, path);
      return wanted.test(seen) || Promise.reject(new Error(seen));
    });
  const logs = (name: string, wanted: RegExp) =>
    until(`log of ${name} like ${wanted}`, patienceMs, async () => {
      const seen = await does(['logs', name, '-c', 'c']);
      return wanted.test(seen) ? seen : Promise.reject(new Error(seen));
    });

  let shared = '';
  const host = (mount: object, container: object, name: string) =>
    pod(name, [{ name: 'c', ...container, volumeMounts: [{ name: 's', mountPath: '/s', ...mount }] }], {
      volumes: [{ name: 's', hostPath: { path: shared } }],
    });
  const propagating = (name: string, mountPropagation: string, container: object) =>
    host({ mountPropagation }, container, name);
  const deeply = (name: string, recursiveReadOnly: string) =>
    host({ readOnly: true, recursiveReadOnly }, sh('sleep 1000'), name);

  /** An image that knows a user and gives him a group. */
  async function makeCrowd(): Promise<void> {
    const { client: engine } = (found as { readonly engine: Engine }).engine;
    const script = [
      'echo "root:x:0:0::/:/bin/sh" > /etc/passwd',
      'echo "ann:x:1000:1000::/:/bin/sh" >> /etc/passwd',
      'echo "ann:x:1000:" > /etc/group',
      'echo "crowd:x:2000:ann" >> /etc/group',
    ].join('; ');
    const body = { Image: busybox, Cmd: ['sh', '-c', script] };
    const { Id: id } = await engine.json<{ readonly Id: string }>('POST', '/containers/create', { body });
    await engine.json('POST', `/containers/${id}/start`);
    await engine.late('POST', `/containers/${id}/wait`);
    const [repo, tag] = crowd.split(':');
    await engine.json('POST', '/commit', { query: { container: id, repo, tag } });
    await engine.json('DELETE', `/containers/${id}`);
  }

  before(async () => {
    await cluster.start('up', ['--runtime', 'docker']);
    const node = join(cluster.folder, 'data', 'nodes', 'node-0');
    mkdirSync(join(node, 'seccomp'), { recursive: true });
    writeFileSync(join(node, 'seccomp', 'all.json'), '{"defaultAction":"SCMP_ACT_ALLOW"}');
    await makeCrowd();
    shared = mkdtempSync(join(tmpdir(), 'mini-k8s-shared-'));
    if (isRoot) {
      execFileSync('mount', ['--bind', shared, shared]);
      execFileSync('mount', ['--make-shared', shared]);
    }
    const groups = [
      member('merged', 'Merge'),
      member('merged-first', 'Merge', { runAsGroup: 3000 }),
      member('strict', 'Strict'),
      member('strict-first', 'Strict', { runAsGroup: 3000 }),
    ];
    const mounters = [
      propagating('hears', 'HostToContainer', sh('sleep 1000')),
      propagating('deaf', 'None', sh('sleep 1000')),
      deeply('wants-depth', 'Enabled'),
      deeply('takes-depth', 'IfPossible'),
    ];
    const confinements = [
      confined('default', { seccompProfile: { type: 'RuntimeDefault' }, allowPrivilegeEscalation: false }),
      confined('local', { seccompProfile: { type: 'Localhost', localhostProfile: 'all.json' } }),
      confined('outside', { seccompProfile: { type: 'Localhost', localhostProfile: 'none.json' } }),
      confined('bare', { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } }),
    ];
    const items = [names, words, files, rules, flapping, slow, called, anew, ...groups, ...mounters, ...confinements];
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    await until('namespace with its account', 20_000, () => does(['apply', '-f', '-'], list));
  });
  after(async () => {
    await cluster.clear();
    if (shared === '') return;
    if (isRoot) execFileSync('umount', ['--recursive', '--lazy', shared]);
    rmSync(shared, { recursive: true });
  });

  test('a pod has its names, its resolver, its groups and its sysctls', async () => {
    const log = await logs('names', /groups=/);
    assert.match(
      log,
      /^db\.data\.default\.svc\.cluster\.local\n# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/,
    );
    assert.ok(
      log.includes('\n# Entries added by HostAliases.\n10.0.0.9\tx\ty.z\nsearch my.dns\nnameserver 192.0.2.1\n'),
    );
    assert.match(log, /options ndots:2\n1024\t65000\nuid=1000 gid=0 groups=0,4001,4002/);
    assert.match(await does(['exec', 'names', '-c', 'c', '--', 'ls', '-ld', '/d']), /^drwxrwsrwx .* 4002 /);
    const command = ['sh', '-c', 'cat /proc/[0-9]*/cmdline'];
    assert.match(await does(['exec', 'names', '-c', 'c', '--', ...command]), /sleep\0?1003/, 'processes are shared');
  });

  test('what a container may use changes while it runs', async () => {
    const resources = { requests: { cpu: '150m', memory: '48Mi' }, limits: { cpu: '300m', memory: '96Mi' } };
    const patch = JSON.stringify({ spec: { containers: [{ name: 'c', resources }] } });
    await does(['patch', 'pod', 'names', '--subresource', 'resize', '-p', patch]);
    await eventually('names', '.status.containerStatuses[0].resources.limits.memory', /^96Mi$/);
    assert.equal(await get('names', '.status.containerStatuses[0].restartCount'), '0');
    assert.equal(await get('names', '.status.conditions[?(@.type=="PodResizeInProgress")].status'), '');
    const groups = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us';
    const either = `${groups} 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max`;
    assert.match(await does(['exec', 'names', '-c', 'c', '--', 'sh', '-c', either]), /^100663296\n30000\b/);
    const much = JSON.stringify({
      spec: {
        containers: [
          { name: 'c', resources: { requests: { memory: '64Mi' }, limits: { cpu: '900', memory: '96Mi' } } },
        ],
      },
    });
    await does([
      'patch',
      'pod',
      'names',
      '--subresource',
      'resize',
      '-p',
      much.replace('"memory":"64Mi"', '"cpu":"900"'),
    ]);
    await eventually('names', '.status.conditions[?(@.type=="PodResizePending")].reason', /^Infeasible$/);
    assert.equal(await get('names', '.status.containerStatuses[0].resources.limits.cpu'), '300m');
  });

  test('the last words of a container are kept', async () => {
    await eventually('words', '.status.phase', /^Failed$/);
    const told = '.status.containerStatuses[*].state.terminated.message';
    assert.equal(await get('words', told), 'DONE LOGGED OWN');
  });

  test('variables come from a file, and a volume from an image', async () => {
    assert.equal(
      await logs('files', /\n1\n/),
      "one two\n/img/bin/sh\nsh: can't create /img/y: Read-only file system\n1\n",
    );
  });

  test('a rule restarts a container that its policy would leave', async () => {
    await eventually('rules', '.status.phase', /^Failed$/);
    assert.equal(await get('rules', '.status.containerStatuses[0].restartCount'), '1');
    assert.equal(await get('rules', '.status.containerStatuses[0].state.terminated.exitCode'), '7');
  });

  test('a rule begins all containers anew, init containers first, in the same place', async () => {
    await eventually('anew', '.status.containerStatuses[0].restartCount', /^1$/);
    assert.match(await logs('anew', /began/), /began x\nx/);
    const counts = '.status.initContainerStatuses[*].restartCount';
    await eventually('anew', counts, /^1 1$/);
    await does(['wait', '--for=condition=Ready', 'pod/anew', '--timeout=20s']);
    const condition = '.status.conditions[?(@.type=="AllContainersRestarting")].status';
    assert.equal(await get('anew', condition), 'False');
    assert.match(await does(['logs', 'anew', '-c', 'c', '--previous']), /^began x\n$/);
  });

  test('an image gives its groups to a user, unless the pod wants its own alone', async () => {
    const groupsOf = async (name: string) => {
      const [, gid, groups] = /gid=(\d+).* groups=(.*)/.exec(await logs(name, /groups=/)) ?? [];
      const all = (groups ?? '').split(',').map((group) => Number.parseInt(group, 10));
      return `${gid}: ${all.sort((a, b) => a - b)}`;
    };
    assert.equal(await groupsOf('merged'), '1000: 1000,2000,4000');
    assert.equal(await groupsOf('merged-first'), '3000: 2000,3000,4000');
    assert.equal(await groupsOf('strict'), '1000: 1000,4000');
    assert.equal(await groupsOf('strict-first'), '3000: 3000,4000');
    assert.equal(
      await does(['get', 'nodes', '-o', 'jsonpath={.items[0].status.features.supplementalGroupsPolicy}']),
      'true',
    );
  });

  test('mounts that come later are seen in a pod that asks for it', async (context) => {
    if (!isRoot) return context.skip('only root may share a mount');
    for (const name of ['hears', 'deaf']) await eventually(name, '.status.phase', /^Running$/);
    mkdirSync(join(shared, 'late'));
    execFileSync('mount', ['-t', 'tmpfs', 'late', join(shared, 'late')]);
    writeFileSync(join(shared, 'late', 'file'), 'heard');
    const look = (name: string) => does(['exec', name, '--', 'sh', '-c', 'cat /s/late/file || echo nothing']);
    assert.equal(await look('hears'), 'heard');
    assert.match(await look('deaf'), /nothing/);
  });

  test('what is mounted below a mount is kept from being written as far as the engine can', async () => {
    const able = 'engine' in found && found.engine.mountsRecursively === true;
    await eventually('takes-depth', '.status.phase', /^Running$/);
    const told = '.status.containerStatuses[0].volumeMounts[?(@.name=="s")].recursiveReadOnly';
    await eventually('takes-depth', told, able ? /^Enabled$/ : /^Disabled$/);
    if (able) return void (await eventually('wants-depth', '.status.phase', /^Running$/));
    await eventually('wants-depth', '.status.containerStatuses[0].state.waiting.reason', /^CreateContainerError$/);
    const message = await get('wants-depth', '.status.containerStatuses[0].state.waiting.message');
    assert.match(message, /cannot mount anything recursively read-only/);
  });

  test('containers are confined as they ask, and not started where that cannot be had', async () => {
    assert.match(await logs('default', /Seccomp/), /NoNewPrivs:\t1\nSeccomp:\t2/);
    assert.match(await logs('local', /Seccomp/), /Seccomp:\t2/);
    assert.match(await logs('bare', /Seccomp/), /CapEff:\t0000000000000400\n/);
    await eventually('outside', '.status.containerStatuses[0].state.waiting.reason', /^CreateContainerError$/);
    assert.match(await get('outside', '.status.containerStatuses[0].state.waiting.message'), /"none.json"/);
  });

  test('a probe that comes and goes makes its pod ready and not, and restarts nothing', async () => {
    for (const [command, wanted] of [
      ['echo > /tmp/well', 'true'],
      ['busybox rm /tmp/well', 'false'],
      ['echo > /tmp/well', 'true'],
    ]) {
      await does(['exec', 'flapping', '--', 'sh', '-c', command as string]);
      await eventually('flapping', '.status.containerStatuses[0].ready', new RegExp(`^${wanted}$`));
    }
    assert.equal(await get('flapping', '.status.containerStatuses[0].restartCount'), '0');
  });

  test('a probe that takes too long fails, and says so', async () => {
    await eventually('slow', '.status.containerStatuses[0].restartCount', /^[1-9]/);
    const events = await does(['get', 'events', '--field-selector', 'involvedObject.name=slow']);
    assert.match(events, /Unhealthy .*Liveness probe failed: command timed out: "sh -c sleep 5" timed out after 1s/);
    assert.match(events, /Killing .*Container c failed liveness probe, will be restarted/);
  });

  test('a server of gRPC is asked for its health', async () => {
    await eventually('called', '.status.containerStatuses[0].restartCount', /^[1-9]/);
    const events = await does(['get', 'events', '--field-selector', 'involvedObject.name=called']);
    assert.match(events, /Liveness probe failed: service unhealthy \(responded with "NOT_SERVING"\)/);
    await does(['wait', '--for=condition=Ready', 'pod/called', '--timeout=20s']);
  });

  test('a file in the folder of the node is a pod, whatever the cluster says', async () => {
    const folder = join(cluster.folder, 'data', 'nodes', 'node-0', 'manifests');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'own.json'),
      JSON.stringify(pod('own', [{ name: 'c', ...sh('echo began; sleep 1000') }])),
    );
    await until('mirror', patienceMs, async () => (await get('own-node-0', '.status.phase')) === 'Running');
    const container = await get('own-node-0', '.status.containerStatuses[0].containerID');
    await does(['delete', 'pod', 'own-node-0', '--wait=false']);
    await until('mirror again', patienceMs, async () => (await get('own-node-0', '.status.phase')) === 'Running');
    assert.equal(await get('own-node-0', '.status.containerStatuses[0].containerID'), container);
    assert.equal(await does(['logs', 'own-node-0']), 'began\n');
    rmSync(join(folder, 'own.json'));
    await until('end of the mirror', patienceMs + refreshedMs, async () => {
      return (await does(['get', 'pods', '-o', 'name'])).includes('own-node-0') === false;
    });
  });
});
