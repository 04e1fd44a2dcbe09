import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DnsServer } from '../src/host/network/dns-server.ts';
import { busybox, testEngine } from '../src/host/runtime/docker/busybox.test-data.ts';
import { type DnsRecord, decodeMessage, recordTypes } from '../src/network/dns-message.ts';
import { answerTo } from '../src/sim/dns-world.test-data.ts';
import { kubectl } from '../tools/clients.ts';
import { finished, kubectlOf, miniK8s, Part, realAddresses, root, TestCluster, until } from './cluster.ts';

const client = await kubectl('1.36');
const hasDig = (await finished('dig', ['-v'])).code === 0;
const missing = !realAddresses
  ? 'pods find names by files of their own only as root on Linux'
  : !hasDig
    ? 'there is no dig: it comes with bind9-dnsutils'
    : 'missing' in client
      ? client.missing
      : false;
const program = 'path' in client ? client.path : '';
/** A resolver of the world, which the cluster's machine uses. */
const upstream = '127.0.0.77';

const objects = (name: string, image: string) => `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}, {name: log, port: 514, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: pets}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: early}
spec: {clusterIP: None, publishNotReadyAddresses: true, selector: {app: late}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: late}
spec: {clusterIP: None, selector: {app: late}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: away}
spec: {type: ExternalName, externalName: www.example.test}
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}-0, labels: {app: web}}
spec:
  hostname: pet-0
  subdomain: pets
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: ${image}, command: [sleep, '1000'], ports: [{containerPort: 8080}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: late, labels: {app: late}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: ${image}, command: [sleep, '1000'], readinessProbe: {exec: {command: ['false']}}}
---
apiVersion: v1
kind: Pod
metadata: {name: own}
spec:
  dnsPolicy: None
  dnsConfig: {nameservers: [192.0.2.53], searches: [own.test], options: [{name: ndots, value: '2'}]}
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: ${image}, command: [sleep, '1000']}]
`;

/** The cluster's own mounts: another resolver file than that of the machine, which the test may change. */
const withResolverFile = (file: string): readonly string[] => {
  const script = 'mount --bind "$0" "$(readlink -f /etc/resolv.conf)" && exec "$@"';
  return ['unshare', '--mount', '--propagation', 'slave', 'sh', '-c', script, file];
};

function world(query: Uint8Array): Uint8Array {
  const [question] = decodeMessage(query).questions;
  const name = question?.name ?? '';
  const known: Readonly<Record<string, DnsRecord>> = {
    'www.example.test': { name, ttl: 60, type: 'A', address: '192.0.2.80' },
    'large.example.test': { name, ttl: 60, type: 'A', address: '192.0.2.81' },
  };
  const record = known[name.toLowerCase()];
  if (!record) return answerTo(query, [], { code: 3 });
  if (question?.type !== recordTypes.A) return answerTo(query, []);
  const count = name.startsWith('large') ? 100 : 1;
  return answerTo(
    query,
    Array.from({ length: count }, () => record),
  );
}

async function ready(cluster: TestCluster, manifest: string): Promise<(...words: string[]) => Promise<string>> {
  const asked = kubectlOf(program, cluster);
  const does = (...words: readonly string[]) => asked.does(words);
  await asked.does(['apply', '-f', '-'], manifest);
  await does('wait', '--for=condition=Ready', 'pod', '-l', 'app=web', 'pod/own', '--timeout=60s').catch(async () =>
    does('wait', '--for=condition=Ready', 'pod', '-l', 'app=web', '--timeout=60s'),
  );
  await until('address of the pod that is not ready', 30_000, () =>
    does('get', 'pod', 'late', '-o', 'jsonpath={.status.podIP}'),
  );
  return does;
}

describe('names of the cluster, asked by dig', { skip: missing }, () => {
  const cluster = new TestCluster();
  const file = join(cluster.folder, 'resolv.conf');
  const server = cluster.serviceAddress(10);
  const resolver = new DnsServer(
    async () => ({ respond: world }),
    (error) => assert.fail(String(error)),
  );
  let does: (...words: string[]) => Promise<string>;
  let podIp = '';
  before(async () => {
    await resolver.listen({ host: upstream, port: 53 });
    writeFileSync(file, `search machine.test\nnameserver ${upstream}\n`);
    await cluster.start('up', [], withResolverFile(file));
    does = await ready(cluster, objects('pet', 'host'));
    podIp = await does('get', 'pod', 'pet-0', '-o', 'jsonpath={.status.podIP}');
  });
  after(async () => {
    await cluster.clear();
    await resolver.close();
  });

  /** The answers, without times to live, or what was said instead. */
  const dig = async (...words: readonly string[]): Promise<string> => {
    const flags = ['+noall', '+answer', '+additional', '+comments', '+nocookie', '+time=3', '+tries=1'];
    const { out } = await finished('dig', [`@${server}`, ...flags, ...words]);
    const status = /status: (\w+)/.exec(out)?.[1] ?? 'nothing';
    const truncated = / tc[ ;]/.test(out) ? ['truncated'] : [];
    const lines = out.split('\n').filter((line) => /^[^;]/.test(line));
    const records = lines.map((line) => line.replace(/\s+\d+\s+IN\s+/, ' ').replaceAll(/\s+/g, ' '));
    return [status, ...truncated, ...records.sort()].join(' | ');
  };
  const domain = 'default.svc.cluster.local';

  test('every type of record is what upstream says that it is', async () => {
    const dashed = podIp.replaceAll('.', '-');
    const back = (ip: string) => `${ip.split('.').reverse().join('.')}.in-addr.arpa.`;
    const web = await does('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
    const lateIp = await does('get', 'pod', 'late', '-o', 'jsonpath={.status.podIP}');
    const cases: readonly (readonly [question: string, answer: string])[] = [
      [`web.${domain} A`, `NOERROR | web.${domain}. A ${web}`],
      [`WEB.${domain} A`, `NOERROR | WEB.${domain}. A ${web}`],
      [`web.${domain} AAAA`, 'NOERROR'],
      [
        `_http._tcp.web.${domain} SRV`,
        `NOERROR | _http._tcp.web.${domain}. SRV 0 100 80 web.${domain}. | web.${domain}. A ${web}`,
      ],
      [
        `_log._udp.web.${domain} SRV`,
        `NOERROR | _log._udp.web.${domain}. SRV 0 100 514 web.${domain}. | web.${domain}. A ${web}`,
      ],
      [`_log._tcp.web.${domain} SRV`, 'NXDOMAIN'],
      [`-x ${web}`, `NOERROR | ${back(web)} PTR web.${domain}.`],
      [`pets.${domain} A`, `NOERROR | pets.${domain}. A ${podIp}`],
      [`pet-0.pets.${domain} A`, `NOERROR | pet-0.pets.${domain}. A ${podIp}`],
      [
        `_http._tcp.pets.${domain} SRV`,
        `NOERROR | _http._tcp.pets.${domain}. SRV 0 100 8080 pet-0.pets.${domain}. | pet-0.pets.${domain}. A ${podIp}`,
      ],
      [`-x ${podIp}`, `NOERROR | ${back(podIp)} PTR pet-0.pets.${domain}.`],
      [`late.${domain} A`, 'NXDOMAIN'],
      [`early.${domain} A`, `NOERROR | early.${domain}. A ${lateIp}`],
      [
        `${lateIp.replaceAll('.', '-')}.early.${domain} A`,
        `NOERROR | ${lateIp.replaceAll('.', '-')}.early.${domain}. A ${lateIp}`,
      ],
      [`away.${domain} CNAME`, `NOERROR | away.${domain}. CNAME www.example.test.`],
      [`away.${domain} A`, `NOERROR | away.${domain}. CNAME www.example.test. | www.example.test. A 192.0.2.80`],
      [`${dashed}.default.pod.cluster.local A`, `NOERROR | ${dashed}.default.pod.cluster.local. A ${podIp}`],
      [`${dashed}.nobody.pod.cluster.local A`, 'NXDOMAIN'],
      ['dns-version.cluster.local TXT', 'NOERROR | dns-version.cluster.local. TXT "1.1.0"'],
      [
        'cluster.local NS',
        `NOERROR | cluster.local. NS kube-dns.kube-system.svc.cluster.local. | kube-dns.kube-system.svc.cluster.local. A ${server}`,
      ],
      [`kube-dns.kube-system.svc.cluster.local A`, `NOERROR | kube-dns.kube-system.svc.cluster.local. A ${server}`],
      [`default.svc.cluster.local A`, 'NOERROR'],
      [`nobody.${domain} A`, 'NXDOMAIN'],
      [`web.nobody.svc.cluster.local A`, 'NXDOMAIN'],
      ['version.bind CH TXT', 'REFUSED'],
    ];
    for (const [question, answer] of cases) {
      for (const via of ['+notcp', '+tcp']) assert.equal(await dig(via, ...question.split(' ')), answer, question);
    }
    const { out } = await finished('dig', [`@${server}`, '+noall', '+authority', `nobody.${domain}`]);
    assert.match(
      out,
      /^cluster\.local\.\s+5\s+IN\s+SOA\s+ns\.dns\.cluster\.local\. hostmaster\.cluster\.local\. \d+ 7200 1800 86400 5$/m,
    );
  });

  test('other names are asked of the resolvers of the machine, whichever these are now', async () => {
    assert.equal(await dig('www.example.test', 'A'), 'NOERROR | www.example.test. A 192.0.2.80');
    assert.equal(await dig('www.example.test', 'AAAA'), 'NOERROR');
    assert.equal(await dig('none.example.test', 'A'), 'NXDOMAIN');
    assert.match(await dig('+notcp', '+ignore', '+noedns', 'large.example.test', 'A'), /^NOERROR \| truncated/);
    assert.equal((await dig('+tcp', 'large.example.test', 'A')).split(' | ').length, 101);
    writeFileSync(file, 'nameserver 127.0.0.78\n');
    await until('failure of a machine without a resolver', 10_000, async () =>
      (await dig('+time=6', 'www.example.test', 'A')).startsWith('SERVFAIL'),
    );
    writeFileSync(file, `search machine.test\nnameserver ${upstream}\n`);
    await until('answer of the resolver that is back', 10_000, async () =>
      (await dig('www.example.test', 'A')).startsWith('NOERROR'),
    );
  });

  test('a pod that is a process finds names as its resolver file says', async () => {
    const inside = (pod: string, ...words: readonly string[]) => does('exec', pod, '--', ...words);
    assert.equal(
      await inside('pet-0', 'cat', '/etc/resolv.conf'),
      `search ${domain} svc.cluster.local cluster.local machine.test\nnameserver ${server}\noptions ndots:5\n`,
    );
    assert.equal(
      await inside('own', 'cat', '/etc/resolv.conf'),
      'search own.test\nnameserver 192.0.2.53\noptions ndots:2\n',
    );
    const web = await does('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
    for (const name of ['web', 'web.default', 'web.default.svc', `web.${domain}`]) {
      assert.match(await inside('pet-0', 'getent', 'hosts', name), new RegExp(`^${web} `), name);
    }
    assert.match(await inside('pet-0', 'getent', 'hosts', 'www.example.test'), /^192\.0\.2\.80 /);
    const asks = ['curl', '-sk', '--max-time', '5', 'https://kubernetes.default/version'];
    assert.match(await inside('pet-0', ...asks), /"gitVersion"/);
    const script = "fetch('http://web.default/').catch((e) => console.log(e.cause.code, e.cause.address))";
    assert.match(
      await inside('pet-0', process.execPath, '-e', script),
      new RegExp(`^ECONN\\w+ ${web.replaceAll('.', '\\.')}|^ECONN\\w+ undefined`),
    );
  });

  test('a user looks names up, and has a shell that finds them', async () => {
    const ours = (...words: readonly string[]) => miniK8s(['dns', '--kubeconfig', cluster.kubeconfig, ...words]);
    const web = await does('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
    const looked = await ours('lookup', 'web');
    assert.equal(looked.out, `web.${domain}.\t30\tA\t${web}\n`);
    const located = await ours('lookup', '_http._tcp.pets', 'srv');
    assert.match(located.out, /\tSRV\t0 100 8080 pet-0\.pets\.default\.svc\.cluster\.local\.\n/);
    assert.match((await ours('lookup', web)).out, new RegExp(`\tPTR\tweb\\.${domain}\\.\n`));
    const lost = await ours('lookup', `nobody.${domain}`);
    assert.deepEqual([lost.code, lost.err], [1, `nobody.${domain}: no such name\n`]);
    const wrong = await ours('lookup', 'web', 'WRONG');
    assert.deepEqual([wrong.code, /WRONG is no type of record/.test(wrong.err)], [2, true]);
    assert.match((await ours()).out, new RegExp(`dig @${server} \\+short`));
    const inside = await ours('run', '--', 'sh', '-c', 'getent hosts web; getent hosts web.default; exit 7');
    assert.deepEqual([inside.code, inside.out.trim().split('\n').length], [7, 2], inside.err);
    assert.ok(inside.out.startsWith(web));
  });

  test('an end takes the address of the server away', async () => {
    assert.equal(await cluster.end(), 0, cluster.log);
    assert.deepEqual(await cluster.remains(), []);
  });
});

const found = await testEngine();
const noEngine = missing || ('missing' in found ? found.missing : false);

describe('names of the cluster, found in a container', { skip: noEngine }, () => {
  const cluster = new TestCluster();
  let does: (...words: string[]) => Promise<string>;
  before(async () => {
    await cluster.start('up', ['--runtime', 'docker']);
    does = await ready(cluster, objects('pet', busybox));
  });
  after(() => cluster.clear());

  test('a pod has the resolver file that it asked for, and finds names by it', async () => {
    const inside = (pod: string, ...words: readonly string[]) => does('exec', pod, '--', ...words);
    const server = cluster.serviceAddress(10);
    const [search, nameserver, options] = (await inside('pet-0', 'cat', '/etc/resolv.conf')).split('\n');
    assert.match(search ?? '', /^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/);
    assert.deepEqual([nameserver, options], [`nameserver ${server}`, 'options ndots:5']);
    assert.equal(
      await inside('own', 'cat', '/etc/resolv.conf'),
      'search own.test\nnameserver 192.0.2.53\noptions ndots:2\n',
    );
    const web = await does('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
    const podIp = await does('get', 'pod', 'pet-0', '-o', 'jsonpath={.status.podIP}');
    const names = { [`web.default.svc.cluster.local`]: web, [`pet-0.pets.default.svc.cluster.local`]: podIp };
    for (const [name, ip] of Object.entries(names)) {
      assert.match(
        await inside('pet-0', 'nslookup', name),
        new RegExp(`Address(?: \\d)?: ${ip.replaceAll('.', '\\.')}`),
      );
    }
    const lost = await finished(program, [
      ...['--kubeconfig', cluster.kubeconfig, 'exec', 'pet-0', '--', 'nslookup', 'nobody.default.svc.cluster.local'],
    ]);
    assert.match(`${lost.out}${lost.err}`, /NXDOMAIN|can't/);
  });
});

describe('names on a further machine', { skip: missing }, () => {
  const cluster = new TestCluster();
  const machines = ['a', 'b'].map((name) => `names-${process.pid}-${name}`);
  const [a = '', b = ''] = machines;
  const on = (machine: string) => ['nsenter', `--net=/run/netns/${machine}`];
  const ip = (...words: readonly string[]) => execFileSync('ip', words, { encoding: 'utf8' });
  const [first, second] = ['198.51.100.1', '198.51.100.2'];
  let agent: Part | undefined;
  before(async () => {
    for (const machine of machines) {
      ip('netns', 'add', machine);
      ip('-n', machine, 'link', 'set', 'lo', 'up');
    }
    ip('link', 'add', 'wire', 'netns', a, 'type', 'veth', 'peer', 'name', 'wire', 'netns', b);
    for (const [machine, address] of [
      [a, first],
      [b, second],
    ] as const) {
      ip('-n', machine, 'addr', 'add', `${address}/24`, 'dev', 'wire');
      ip('-n', machine, 'link', 'set', 'wire', 'up');
    }
    await cluster.start('up', ['--listen', `${first}:0`], on(a));
    const folder = ['--kubeconfig', cluster.kubeconfig, '--data-dir', join(cluster.folder, 'b')];
    const place = ['--node', 'further', '--listen', `${second}:0`, '--runtime', 'process'];
    const ranges = ['--service-range', `${cluster.serviceAddress(0)}/16`, '--cluster-pod-range', cluster.podRange];
    agent = new Part(['agent', ...folder, ...place, ...ranges], on(b));
    await agent.ready();
  });
  after(async () => {
    await agent?.end();
    await cluster.clear();
    for (const machine of machines) ip('netns', 'del', machine);
  });

  test('an agent answers them on its own machine, where the first one does on its', async () => {
    const [base] = cluster.podRange.split('.0.0/');
    const words = ['+short', '+time=1', '+tries=1', 'kubernetes.default.svc.cluster.local'];
    const api = cluster.serviceAddress(1);
    // Where the server listens, and where pods ask.
    for (const server of [`${base}.255.242`, cluster.serviceAddress(10)]) {
      for (const machine of machines) {
        const [nsenter = '', ...inside] = on(machine);
        await until(`answer of ${server} on ${machine}`, 20_000, async () => {
          return (await finished(nsenter, [...inside, 'dig', `@${server}`, ...words])).out.trim() === api;
        });
      }
    }
    const ending = agent;
    agent = undefined;
    assert.equal(await ending?.end(), 0);
    assert.ok(!ip('-n', b, 'address', 'show', 'lo').includes('.255.242/32'), 'the address is gone with it');
  });
});

const nobody = 65_534;
const asNobody = ['setpriv', '--reuid', String(nobody), '--regid', String(nobody), '--clear-groups', '--'];
const noPlainUser = async (): Promise<string | false> => {
  if ('missing' in client) return client.missing;
  if (!realAddresses) return false;
  const [first = '', ...words] = [...asNobody, 'test', '-r', join(root, 'package.json')];
  return (await finished(first, words)).code === 0 ? false : 'another user cannot read this folder';
};

describe('names of a cluster without root', { skip: await noPlainUser() }, () => {
  const cluster = new TestCluster();
  const folder = join(cluster.folder, 'web');
  const around = realAddresses ? ['env', `HOME=${cluster.folder}`, ...asNobody] : [];
  let does: (...words: string[]) => Promise<string>;
  before(async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{"name": "web", "type": "module", "main": "server.mjs"}');
    const server = 'createServer((q, r) => r.end(`web answers ${q.url}`)).listen(process.env.PORT, process.env.HOST)';
    writeFileSync(join(folder, 'server.mjs'), `import { createServer } from 'node:http';\n${server};\n`);
    if (realAddresses) for (const path of [cluster.folder, folder]) chownSync(path, nobody, nobody);
    await cluster.start('up', [], around);
    const asked = kubectlOf(program, cluster);
    does = (...words) => asked.does(words);
    await asked.does(['apply', '-f', '-'], webOf(folder));
    await does('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s');
  });
  after(() => cluster.clear());

  test('programs in pods reach Services by name: curl, and Node', async () => {
    const inside = (...words: readonly string[]) => does('exec', 'client', '--', ...words);
    for (const url of ['http://web/a', 'http://web.default/a', 'http://web.default.svc.cluster.local:80/a']) {
      const answer = await until(`answer of ${url}`, 10_000, () => inside('curl', '-sS', '--max-time', '5', url));
      assert.equal(answer, 'web answers /a', url);
    }
    assert.match(await inside('curl', '-sk', '--max-time', '5', 'https://kubernetes.default/version'), /"gitVersion"/);
    const script = "fetch('http://web.default/b').then((answer) => answer.text()).then(console.log)";
    assert.equal(await inside(process.execPath, '-e', script), 'web answers /b\n');
  });

  test('a user reaches them too', async () => {
    const ours = (...words: readonly string[]) => miniK8s(['dns', '--kubeconfig', cluster.kubeconfig, ...words]);
    const got = await ours('run', '--', 'curl', '-sS', '--max-time', '5', 'http://web/c');
    assert.deepEqual([got.code, got.out], [0, 'web answers /c'], got.err);
    assert.match((await ours()).out, /It runs without root/);
    assert.match((await ours('lookup', 'web.default')).out, /\tA\t10\./);
  });
});

const webOf = (folder: string) => `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: 'file:${folder}', ports: [{containerPort: 8080}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: host, command: [sleep, '1000']}]
`;
