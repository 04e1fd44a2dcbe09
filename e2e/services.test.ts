import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { networkPolicies } from '../src/api/kinds/network-policy.ts';
import { pods } from '../src/api/kinds/pod.ts';
import { Client } from '../src/client/client.ts';
import { freePort } from '../src/host/free-port.test-data.ts';
import { httpTransport } from '../src/host/http/client.ts';
import { readKubeconfig } from '../src/host/kubeconfig-file.ts';
import { hasNftables, tableName } from '../src/host/network/nftables/nftables.ts';
import { busybox, testEngine } from '../src/host/runtime/docker/busybox.test-data.ts';
import { kubectl } from '../tools/clients.ts';
import { finished, freeNodePort, kubectlOf, realAddresses, TestCluster, until } from './cluster.ts';

const found = await testEngine();
const client = await kubectl('1.36');
const nft = await hasNftables();
const skip =
  'missing' in found
    ? found.missing
    : 'missing' in client
      ? client.missing
      : realAddresses && nft
        ? false
        : 'services in the kernel need root on Linux, and the tool nft';
if (skip && process.env['CI'] === 'true' && process.platform === 'linux') throw new Error(skip);

const readyMs = 60_000;
/** The promise for an endpoint that leaves, kept by the middle one of three: machines of this kind are busy. */
const leftMs = 100;
/** Whoever is not met for so long has left. */
const silenceMs = 1_000;
const loadSeconds = 12;

const servers = ['docker', 'process'] as const;
type Server = (typeof servers)[number];

const listens = `
const http = require('node:http');
const answer = (_, response) => response.setHeader('connection', 'close').end(process.env.POD + '\\n');
const server = http.createServer(answer).listen(Number(process.env.PORT), process.env.HOST);
process.on('SIGTERM', () => server.close());`;

/** One program of each runtime that answers with the name of its pod. */
const deployment = (name: Server) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: 2
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      ${name === 'process' ? 'runtimeClassName: process' : ''}
      terminationGracePeriodSeconds: 5
      containers:
      - name: web
        image: ${name === 'docker' ? busybox : 'host'}
        command: ${JSON.stringify(
          name === 'docker'
            ? ['sh', '-c', 'echo $POD > /www/name; exec httpd -f -p 8080 -h /www']
            : [process.execPath, '-e', listens],
        )}
        env: [{name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
        ports: [{containerPort: 8080, name: http}]
        lifecycle: {preStop: {sleep: {seconds: 1}}}
        readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
        volumeMounts: [{name: www, mountPath: /www}]
      volumes: [{name: www, emptyDir: {}}]
`;
const service = (name: string, app: string, spec: string) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {selector: {app: ${app}}, ${spec}}
`;
const asking = (name: Server) => `
apiVersion: v1
kind: Pod
metadata: {name: asks-${name}, labels: {app: asks}}
spec:
  ${name === 'process' ? 'runtimeClassName: process' : ''}
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: ${name === 'docker' ? busybox : 'host'}, command: [sleep, '1000']}]
`;
const policy = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: friends}
spec:
  podSelector: {matchLabels: {app: docker}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {friend: 'yes'}}}], ports: [{port: http}]}]
`;

describe('services of the kernel', { skip }, () => {
  const cluster = new TestCluster();
  const program = 'path' in client ? client.path : '';
  const places: Record<Server, { readonly cluster: string; readonly node: number; readonly balancer: number }> =
    {} as never;
  const network = () => cluster.podRange.split('.').slice(0, 2).join('.');
  const { does } = kubectlOf(program, cluster);
  const curl = async (place: string) => {
    const { code, out } = await finished('curl', ['-sS', '--max-time', '2', `http://${place}/name`]);
    return code === 0 ? out.trim() : `curl ${code}`;
  };
  /** From the host, from a container and from a process: the pod that answered, or nothing. */
  const from: Record<'host' | Server, (place: string) => Promise<string>> = {
    host: curl,
    process: async (place) =>
      (
        await finished(program, [
          '--kubeconfig',
          cluster.kubeconfig,
          'exec',
          'asks-process',
          '--',
          'curl',
          '-sS',
          '--max-time',
          '2',
          `http://${place}/name`,
        ])
      ).out.trim(),
    docker: async (place) => {
      const [host, port = '80'] = place.split(':');
      const line = `printf 'GET /name HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${host} ${port}`;
      const words = ['--kubeconfig', cluster.kubeconfig, 'exec', 'asks-docker', '--', 'sh', '-c', line];
      return (await finished(program, words)).out.trim().split('\n').at(-1) ?? '';
    },
  };

  before(async () => {
    await cluster.start('up', ['--runtime', 'docker']);
    const manifests: string[] = [];
    for (const [index, app] of servers.entries()) {
      const [first, second] = cluster.podRange.split('.');
      const ip = `${first}.${Number(second) + 1}.0.${20 + index}`;
      places[app] = { cluster: ip, node: await freeNodePort(), balancer: await freePort() };
      manifests.push(
        deployment(app),
        asking(app),
        service(
          `${app}-node`,
          app,
          `type: NodePort, clusterIP: ${ip}, ports: [{port: 80, targetPort: http, nodePort: ${places[app].node}}]`,
        ),
        service(`${app}-lb`, app, `type: LoadBalancer, ports: [{port: ${places[app].balancer}, targetPort: http}]`),
      );
    }
    manifests.push(service('nobody', 'nobody', 'ports: [{port: 80}]'));
    await does(['apply', '-f', '-'], manifests.join('---'));
    for (const app of servers) await does(['rollout', 'status', `deployment/${app}`, '--timeout=60s']);
    await does(['wait', '--for=condition=Ready', 'pod/asks-docker', 'pod/asks-process', '--timeout=60s']);
    await until('first answers', readyMs, async () => {
      const answers = await Promise.all(servers.map((app) => curl(places[app].cluster)));
      return answers.every((answer, index) => answer.startsWith(`${servers[index]}-`));
    });
  });
  after(() => cluster.clear());

  test('the host, containers and processes reach containers and processes at every kind of address', async () => {
    for (const app of servers) {
      const { cluster: ip, node, balancer } = places[app];
      for (const [who, ask] of Object.entries(from)) {
        const addresses = [ip, `${network()}.0.1:${node}`];
        // Loopback of a container is its own.
        if (who !== 'docker') addresses.push(`127.0.0.1:${node}`, `127.0.0.1:${balancer}`);
        for (const address of addresses) {
          const answer = await ask(address);
          assert.match(answer, new RegExp(`^${app}-[a-z0-9]+-[a-z0-9]+$`), `${who} asks ${app} at ${address}`);
        }
      }
    }
    const nobody = await does(['get', 'service', 'nobody', '-o', 'jsonpath={.spec.clusterIP}']);
    assert.equal(await curl(nobody), 'curl 7', 'a service without backends refuses');
    assert.equal(await curl(`${places.docker.cluster}:81`), 'curl 7', 'a port that no service has refuses');
  });

  test('a pod reaches itself through its service', async () => {
    const [name = ''] = (await does(['get', 'pods', '-l', 'app=docker', '-o', 'name'])).split('\n');
    const line = `printf 'GET /name HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${places.docker.cluster} 80`;
    const met = new Set<string>();
    for (let count = 0; count < 30 && met.size < 2; count++) {
      met.add((await does(['exec', name, '--', 'sh', '-c', line])).trim().split('\n').at(-1) ?? '');
    }
    assert.ok(met.has(name.replace('pod/', '')), `${name} met only ${[...met].join(' ')}`);
  });

  test('the API answers at its cluster address, with a certificate for it', async () => {
    const api = `${network().replace(/\d+$/, (second) => String(Number(second) + 1))}.0.1`;
    const ca = await does(['get', 'configmap', 'kube-root-ca.crt', '-o', 'jsonpath={.data.ca\\.crt}']);
    const file = join(cluster.folder, 'ca.crt');
    writeFileSync(file, ca);
    const asked = await finished('curl', ['-sS', '--max-time', '3', '--cacert', file, `https://${api}/version`]);
    assert.match(asked.out, /"gitVersion"/, asked.err);
    await does(['exec', 'asks-docker', '--', 'sh', '-c', `nc -w 3 ${api} 443 < /dev/null`]);
  });

  test('a roll-out and a change of scale fail no request under load', async (context) => {
    for (const app of servers) {
      const load = finished('wrk', [
        '-t1',
        '-c8',
        `-d${loadSeconds}s`,
        '-H',
        'Connection: close',
        `http://${places[app].cluster}/name`,
      ]);
      await does(['rollout', 'restart', `deployment/${app}`]);
      await does(['rollout', 'status', `deployment/${app}`, '--timeout=60s']);
      await does(['scale', `deployment/${app}`, '--replicas=4']);
      await does(['rollout', 'status', `deployment/${app}`, '--timeout=60s']);
      await does(['scale', `deployment/${app}`, '--replicas=2']);
      const { out } = await load;
      context.diagnostic(`${app}: ${/^.*requests in.*$/m.exec(out)?.[0].trim()}`);
      assert.match(out, /\d\d+ requests in/);
      assert.doesNotMatch(out, /Socket errors|Non-2xx/, out);
    }
  });

  test('a pod that is taken out of its service is met no more', async (context) => {
    const direct = new Client(httpTransport(readKubeconfig(cluster.kubeconfig)));
    /** How long after it was said the pod was asked for the last time. */
    const leaves = async (): Promise<number> => {
      await does(['rollout', 'status', 'deployment/docker', '--timeout=30s']);
      const names = await does(['get', 'pods', '-l', 'app=docker', '-o', 'jsonpath={.items[*].metadata.name}']);
      const [victim = ''] = names.split(' ');
      let last = 0;
      let ended = false;
      const asks = (async () => {
        while (!ended) {
          const began = performance.now();
          if ((await curl(places.docker.cluster)) === victim) last = began;
        }
      })();
      await until('answer of the pod', 10_000, () => last > 0);
      const patch = { metadata: { labels: { app: 'out' } } };
      await direct.send({ verb: 'patch', kind: pods, key: { namespace: 'default', name: victim }, patch });
      const out = performance.now();
      await until('a while without it', 10_000, () => performance.now() - Math.max(last, out) > silenceMs);
      ended = true;
      await asks;
      return last - out;
    };
    const taken = [await leaves(), await leaves(), await leaves()].sort((a, b) => a - b);
    const told = taken.map((ms) => ms.toFixed(0)).join(', ');
    context.diagnostic(`the last connections began ${told} ms after the change`);
    assert.ok((taken[1] as number) < leftMs, `met ${told} ms later`);
  });

  test('a load balancer follows its ports while it runs', async () => {
    const port = await freePort();
    const patch = JSON.stringify({ spec: { ports: [{ port, targetPort: 'http' }] } });
    await does(['patch', 'service', 'docker-lb', '--type=merge', '-p', patch]);
    await until('the new port', 5_000, async () => (await curl(`127.0.0.1:${port}`)).startsWith('docker-'));
    // The new door opens before the old one shuts.
    await until('a refusal at the old port', 5_000, async () => {
      return (await curl(`127.0.0.1:${places.docker.balancer}`)) === 'curl 7';
    });
    assert.match(await does(['get', 'service', 'docker-lb']), /127\.0\.0\.1/);
  });

  test('a policy shuts out who it does not name, and the node is let in', async () => {
    const direct = new Client(httpTransport(readKubeconfig(cluster.kubeconfig)));
    await does(['apply', '-f', '-'], policy);
    const ip = places.docker.cluster;
    await until('a refusal', 5_000, async () => (await from.docker(ip)) === '');
    assert.match(await curl(ip), /^docker-/);
    await does(['label', 'pod', 'asks-docker', 'friend=yes']);
    await until('an answer for a friend', 5_000, async () => (await from.docker(ip)).startsWith('docker-'));
    await does(['label', 'pod', 'asks-docker', 'friend-']);
    await until('a refusal again', 5_000, async () => (await from.docker(ip)) === '');
    await direct.send({ verb: 'delete', kind: networkPolicies, key: { namespace: 'default', name: 'friends' } });
    await until('an answer without the policy', 5_000, async () => (await from.docker(ip)).startsWith('docker-'));
  });

  test('an end takes every rule away', async () => {
    const table = tableName(`${cluster.folder}/data`);
    const tables = () => execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' });
    assert.ok(tables().includes(table));
    assert.equal(await cluster.end(), 0, cluster.log);
    assert.ok(!tables().includes(table));
    assert.deepEqual(await cluster.remains(), []);
  });
});
