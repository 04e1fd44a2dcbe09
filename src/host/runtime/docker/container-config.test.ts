import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerSpec, SandboxSpec } from '../../../agent/runtime.ts';
import type { Json } from '../../../base/json.ts';
import { identityOf } from './accounts.ts';
import { containerBody, type Namespaces, resourcesOf, sandboxBody } from './container-config.ts';
import { securityOf, userOf, wantedIdentity } from './security.ts';
import { firstFile, tarOf } from './tar.ts';

const container = (
  security: Readonly<Record<string, Json>> = {},
  more: Partial<ContainerSpec> = {},
): ContainerSpec => ({
  id: 'u_web_0',
  sandbox: 'u',
  name: 'web',
  attempt: 0,
  image: 'web:1',
  command: [],
  args: [],
  env: [],
  mounts: [],
  resources: {},
  security,
  tty: false,
  stdin: false,
  ...more,
});
const box: SandboxSpec = {
  id: 'u',
  namespace: 'default',
  name: 'web',
  uid: 'u',
  hostname: 'web',
  hostNetwork: false,
  dns: { servers: ['10.96.0.10'], searches: ['cluster.local'], options: ['ndots:5'] },
  ports: [
    { container: 80, protocol: 'TCP' },
    { container: 53, protocol: 'UDP', host: 5353, hostIp: '127.0.0.1' },
  ],
  sysctls: { 'net.ipv4.ip_forward': '1' },
  hosts: [{ ip: '10.0.0.9', names: ['db', 'db.local'] }],
};
const holding = { holds: box, network: 'pods', address: '10.244.0.9', publish: false } satisfies Namespaces;
const body = (spec: ContainerSpec, namespaces: Namespaces) =>
  containerBody(spec, namespaces, { labels: {}, imageUser: '' }) as Record<string, Record<string, unknown>>;

test('a container that is its own sandbox has the network of the pod', () => {
  const { HostConfig: host, NetworkingConfig: networking, ...config } = body(container(), holding);
  assert.deepEqual(networking, { EndpointsConfig: { pods: { IPAMConfig: { IPv4Address: '10.244.0.9' } } } });
  assert.equal(config['Hostname'], 'web');
  assert.equal(host?.['NetworkMode'], 'pods');
  assert.deepEqual(host?.['PortBindings'], { '53/udp': [{ HostIp: '127.0.0.1', HostPort: '5353' }] });
  assert.deepEqual(host?.['Dns'], ['10.96.0.10']);
  assert.deepEqual(host?.['ExtraHosts'], ['db:10.0.0.9', 'db.local:10.0.0.9']);
  assert.deepEqual(host?.['Sysctls'], { 'net.ipv4.ip_forward': '1' });
  assert.deepEqual(host?.['RestartPolicy'], { Name: 'no' });
});

test('every port is published where an address of a container is not reached', () => {
  const { HostConfig: host } = body(container(), { ...holding, publish: true });
  assert.deepEqual(host?.['PortBindings'], {
    '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }],
    '53/udp': [{ HostIp: '127.0.0.1', HostPort: '5353' }],
  });
});

test('a container that joins a sandbox brings no network of its own', () => {
  const made = body(container(), { joins: 'abc', shareProcesses: true });
  const { NetworkMode, IpcMode, PidMode } = made['HostConfig'] as Record<string, unknown>;
  assert.deepEqual([NetworkMode, IpcMode, PidMode], ['container:abc', 'container:abc', 'container:abc']);
  assert.equal(made['NetworkingConfig'], undefined);
  assert.equal(made['Hostname'], undefined);
});

test('a container that joins a sandbox sees the processes of the machine where its pod does', () => {
  const made = body(container(), { joins: 'abc', shareProcesses: false, hostPid: true });
  assert.equal((made['HostConfig'] as Record<string, unknown>)['PidMode'], 'host');
});

test('of a pod with a link of our own the engine is told a name, and nothing of a network', () => {
  const { Hostname, NetworkDisabled, NetworkingConfig, HostConfig } = sandboxBody(
    { ...holding, ownLink: true },
    'pause',
    {},
  ) as Record<string, unknown>;
  assert.deepEqual([Hostname, NetworkDisabled, NetworkingConfig], ['web', true, undefined]);
  const { NetworkMode, PortBindings, IpcMode } = HostConfig as Record<string, unknown>;
  assert.deepEqual([NetworkMode, PortBindings, IpcMode], [undefined, undefined, 'shareable']);
});

test('commands, mounts and signals are passed on; what the pod leaves open the image decides', () => {
  const mounts = [{ source: '/a', target: '/b', readOnly: true, propagation: 'HostToContainer' }];
  const made = body(container({}, { command: ['x'], args: ['y'], mounts, stopSignal: 'SIGUSR1' }), holding);
  assert.deepEqual([made['Entrypoint'], made['Cmd'], made['StopSignal']], [['x'], ['y'], 'SIGUSR1']);
  assert.deepEqual(made['HostConfig']?.['Mounts'], [
    { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true, BindOptions: { Propagation: 'rslave' } },
  ]);
  const plain = body(container(), holding);
  assert.deepEqual([plain['Entrypoint'], plain['Cmd'], plain['User']], [undefined, undefined, undefined]);
});

test('limits become a quota and requests shares; there is no swap', () => {
  assert.deepEqual(resourcesOf({ cpuMillis: 250, cpuRequestMillis: 100, memoryBytes: 64e6 }), {
    CpuShares: 102,
    CpuPeriod: 100_000,
    CpuQuota: 25_000,
    Memory: 64e6,
    MemorySwap: 64e6,
  });
  assert.deepEqual(resourcesOf({}), { CpuShares: 2 });
  assert.equal(resourcesOf({ cpuMillis: 1000 })['CpuShares'], 1024);
  assert.equal(resourcesOf({ memoryBytes: 1 })['Memory'], 6 * 2 ** 20);
});

test('a security context is carried over whole', () => {
  const context = {
    privileged: true,
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
    procMount: 'Unmasked',
    capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
    supplementalGroups: [7],
    fsGroup: 8,
    appArmorProfile: { type: 'Unconfined' },
    seLinuxOptions: { level: 's0' },
  };
  assert.deepEqual(securityOf(container(context)), {
    Privileged: true,
    ReadonlyRootfs: true,
    CapAdd: ['NET_ADMIN'],
    CapDrop: ['ALL'],
    GroupAdd: ['7', '8'],
    MaskedPaths: [],
    ReadonlyPaths: [],
    SecurityOpt: ['no-new-privileges', 'seccomp=unconfined', 'apparmor=unconfined', 'label=level:s0'],
  });
  assert.deepEqual(securityOf(container({ seccompProfile: { type: 'RuntimeDefault' } })), { SecurityOpt: [] });
});

test('a privileged container gets all that the engine has, where it has not all that there is', () => {
  const { Privileged, ...given } = securityOf(container({ privileged: true }), undefined, { withheld: ['SYS_TIME'] });
  assert.equal(Privileged, undefined);
  assert.deepEqual(given, {
    CapAdd: ['ALL'],
    CapDrop: ['SYS_TIME'],
    Devices: [{ PathOnHost: '/dev', PathInContainer: '/dev', CgroupPermissions: 'rwm' }],
    DeviceCgroupRules: ['a *:* rwm'],
    MaskedPaths: [],
    ReadonlyPaths: [],
    SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined', 'label=disable'],
  });
  assert.deepEqual(securityOf(container({}), undefined, { withheld: ['SYS_TIME'] }), {
    SecurityOpt: ['seccomp=unconfined'],
  });
});

test('a group that a pod names is its first one, and the image adds to it unless that is forbidden', () => {
  const image = {
    people: 'root:x:0:0::/:/sh\nweb:x:5:50::/:/sh\n',
    groups: 'web:x:50:\nstaff:x:60:web,root\nbin:x:2:\n',
  };
  const runs = (security: Readonly<Record<string, Json>>, imageUser: string) => {
    const wanted = wantedIdentity(container(security), imageUser);
    if (wanted === undefined) return undefined;
    const identity = identityOf(wanted, image);
    const { GroupAdd } = securityOf(container(security), undefined, { identity });
    return [userOf(container(security), imageUser, identity), GroupAdd];
  };
  assert.equal(runs({ runAsUser: 5 }, ''), undefined);
  assert.deepEqual(runs({ runAsUser: 5, runAsGroup: 6 }, ''), ['5:6', ['60']]);
  assert.deepEqual(runs({ runAsGroup: 6 }, 'web:staff'), ['5:6', ['60']]);
  const strict = { supplementalGroupsPolicy: 'Strict' };
  assert.deepEqual(runs({ ...strict, supplementalGroups: [7] }, 'web'), ['5:50', ['7']]);
  assert.deepEqual(runs(strict, 'web:staff'), ['5:60', undefined]);
  assert.deepEqual(runs({ ...strict, runAsUser: 1000 }, 'web'), ['1000:0', undefined]);
  assert.deepEqual(runs(strict, ''), ['0:0', undefined]);
  assert.throws(() => runs(strict, 'nobody'), /unable to find user nobody: no matching entries in passwd file/);
  assert.throws(() => runs(strict, 'web:none'), /unable to find group none: no matching entries in group file/);
});

test('the first file of an archive is found behind what is said about it', () => {
  const bytes = Buffer.from('root:x:0:0');
  const plain = tarOf([{ name: 'passwd', bytes, mode: 0o644 }]);
  assert.equal(firstFile(plain).toString(), 'root:x:0:0');
  const about = tarOf([{ name: 'about', bytes: Buffer.from('11 path=x\n'), mode: 0o644 }]).subarray(0, 1024);
  about.write('x', 156, 'latin1');
  assert.equal(firstFile(Buffer.concat([about, plain])).toString(), 'root:x:0:0');
  assert.equal(firstFile(Buffer.alloc(0)).length, 0);
});

test('a container runs as whom the pod says, and never as root where that is forbidden', () => {
  assert.equal(userOf(container(), 'web'), undefined);
  assert.equal(userOf(container({ runAsUser: 5 }), ''), '5');
  assert.equal(userOf(container({ runAsNonRoot: true }), '5'), undefined);
  const why = (security: Readonly<Record<string, Json>>, image: string) => () => userOf(container(security), image);
  assert.throws(why({ runAsNonRoot: true, runAsUser: 0 }, ''), /runAsUser breaks non-root policy/);
  assert.throws(why({ runAsNonRoot: true }, ''), /image will run as root/);
  assert.throws(why({ runAsNonRoot: true }, 'web'), /non-numeric user \(web\), cannot verify user is non-root/);
});
