import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { Instant } from '../src/base/env.ts';
import { freePort } from '../src/host/free-port.test-data.ts';
import { createAuthority, issue } from '../src/host/x509/certificate.ts';
import { browserPath, Page } from './browser.ts';
import { finished, miniK8s, Part, realAddresses, TestCluster, until } from './cluster.ts';

const run = promisify(execFile);
const curl = async (...words: readonly string[]): Promise<string> =>
  (await finished('curl', ['-sS', '--max-time', '20', ...words])).out;
const missing = (program: string, needed: string): string | false =>
  ['/usr/bin', '/usr/local/bin', '/bin'].some((folder) => existsSync(join(folder, program)))
    ? false
    : `needs ${program}: ${needed}`;

// What a pod runs: it tells its name, speaks WebSocket as far as an echo needs it, and ends as a good server does.
const program = `
import { createServer } from 'node:http';
import { createHash } from 'node:crypto';
const name = process.env.HOSTNAME;
const server = createServer((request, response) => {
  if (request.url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: one\\n\\n');
    setTimeout(() => response.end('data: two\\n\\n'), 100);
  } else response.end(name + ' ' + request.url + ' ' + request.headers['x-forwarded-proto'] + '\\n');
});
server.on('upgrade', (request, socket) => {
  const salt = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + salt).digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n' +
    'Sec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
  socket.on('data', (frame) => {
    const mask = frame.subarray(2, 6);
    const text = Buffer.from(frame.subarray(6).map((byte, index) => byte ^ mask[index % 4]));
    socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
  });
});
server.listen(Number(process.env.PORT), process.env.HOST);
process.on('SIGTERM', () => {
  // Who was told of this pod a moment ago may still be on the way.
  setTimeout(() => server.close(() => process.exit()), 1500);
});
`;

const labels = (app: string) => ({ app });
const workload = (folder: string, app: string, replicas: number, version = 'one') => [
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: app },
    spec: {
      replicas,
      selector: { matchLabels: labels(app) },
      template: {
        metadata: { labels: labels(app), annotations: { version } },
        spec: {
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: 'main',
              image: 'host',
              command: [process.execPath, join(folder, 'server.mjs')],
              ports: [{ containerPort: 8080 }],
              readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: app },
    spec: { selector: labels(app), ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  },
];
const path = (service: string, value: string) => ({
  path: value,
  pathType: 'Prefix',
  backend: { service: { name: service, port: { name: 'http' } } },
});
const ingress = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name: 'site' },
  spec: {
    tls: [{ hosts: ['secure.example.com'], secretName: 'site' }],
    rules: [
      { host: 'a.example.com', http: { paths: [path('a', '/'), path('b', '/b')] } },
      { host: '*.wild.example.com', http: { paths: [path('b', '/')] } },
      { host: 'secure.example.com', http: { paths: [path('a', '/')] } },
    ],
  },
};

describe('a cluster with an Ingress', () => {
  const cluster = new TestCluster();
  let http = 0;
  let https = 0;
  const words = (...more: readonly string[]) => [...more, '--kubeconfig', cluster.kubeconfig];
  const apply = async (objects: readonly object[]) => {
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
    const applied = await miniK8s(words('apply', '-f', '-'), list);
    assert.equal(applied.code, 0, applied.err);
  };
  const at = (host: string, url: string, port = http) => curl('-H', `Host: ${host}`, `http://127.0.0.1:${port}${url}`);

  before(async () => {
    http = await freePort();
    https = await freePort();
    await cluster.start('up', ['--http-listen', `127.0.0.1:${http}`, '--https-listen', `127.0.0.1:${https}`]);
    mkdirSync(join(cluster.folder, 'app'));
    writeFileSync(join(cluster.folder, 'app', 'server.mjs'), program);
    const now = Date.now() as Instant;
    const authority = createAuthority('site', now);
    writeFileSync(join(cluster.folder, 'ca.pem'), authority.certificate);
    const names = ['secure.example.com'];
    const pair = issue(authority, { subject: { name: 'secure.example.com' }, use: ['server'], names, now });
    const folder = join(cluster.folder, 'app');
    await apply([
      ...workload(folder, 'a', 2),
      ...workload(folder, 'b', 1),
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'site' },
        type: 'kubernetes.io/tls',
        stringData: { 'tls.crt': pair.certificate, 'tls.key': pair.key },
      },
      ingress,
    ]);
    await until('answer of both', 30_000, async () => {
      return (await at('a.example.com', '/')).startsWith('a-') && (await at('a.example.com', '/b')).startsWith('b-');
    });
  });
  after(() => cluster.clear());

  test('Ingress sends requests by name and path, in turns', async () => {
    await until('second replica', 20_000, async () => {
      const pods = new Set([await at('a.example.com', '/'), await at('a.example.com', '/')]);
      return pods.size === 2;
    });
    assert.match(await at('a.example.com', '/b/deep?q'), /^b-\S+ \/b\/deep\?q http\n$/);
    assert.match(await at('x.wild.example.com', '/'), /^b-/);
    assert.equal(await at('wild.example.com', '/'), 'nothing is served at wild.example.com/\n');
    assert.equal(await at('other.example.com', '/x'), 'nothing is served at other.example.com/x\n');
  });

  test('Ingress tells its address and its class', async () => {
    const { out } = await miniK8s(words('get', 'ingress', 'site', '-o', 'json'));
    const { spec, status } = JSON.parse(out);
    assert.equal(spec.ingressClassName, 'mini-k8s');
    const ports = [http, https].map((port) => ({ port, protocol: 'TCP' }));
    assert.deepEqual(status.loadBalancer.ingress, [{ ip: '127.0.0.1', ports }]);
  });

  test('Ingress serves TLS by name from a Secret, over HTTP/2 and HTTP/1.1', async () => {
    const to = ['--resolve', `secure.example.com:${https}:127.0.0.1`, '--cacert', join(cluster.folder, 'ca.pem')];
    const url = `https://secure.example.com:${https}/s`;
    for (const version of ['--http1.1', '--http2']) {
      const answer = await curl(version, '-w', '%{http_version}', ...to, url);
      assert.match(answer, version === '--http2' ? /^a-\S+ \/s https\n2$/ : /^a-\S+ \/s https\n1.1$/);
    }
    const own = await finished('curl', ['-sS', '--max-time', '20', `https://127.0.0.1:${https}/`]);
    assert.notEqual(own.code, 0, 'a certificate that nobody has signed must not be believed');
  });

  describe('an Ingress for everybody', () => {
    before(async () => {
      const spec = { defaultBackend: { service: { name: 'a', port: { number: 80 } } } };
      await apply([{ ...ingress, metadata: { name: 'everybody' }, spec }]);
      await until('default backend', 10_000, async () => (await at('none.example.com', '/')).startsWith('a-'));
    });
    after(() => miniK8s(words('delete', 'ingress', 'everybody')));

    test('carries WebSocket and events', async () => {
      assert.equal(await at('a.example.com', '/events'), 'data: one\n\ndata: two\n\n');
      const socket = new WebSocket(`ws://127.0.0.1:${http}/socket`);
      const heard = new Promise<string>((resolve, reject) => {
        socket.onopen = () => socket.send('hello there');
        socket.onmessage = ({ data }) => resolve(String(data));
        socket.onerror = () => reject(new Error('the WebSocket failed'));
      });
      assert.equal(await heard, 'hello there');
      socket.close();
    });

    const browser = browserPath();
    test('carries both to a browser', {
      skip: browser ? false : 'needs chromium: apt-get install chromium',
    }, async () => {
      const page = new Page();
      const said = `new Promise((resolve, reject) => {
        const heard = [];
        const socket = new WebSocket('ws://127.0.0.1:${http}/socket');
        socket.onopen = () => socket.send('from a browser');
        socket.onerror = () => reject(new Error('the WebSocket failed'));
        socket.onmessage = ({ data }) => {
          heard.push(data);
          const events = new EventSource('/events');
          events.onmessage = (event) => {
            heard.push(event.data);
            if (event.data !== 'two') return;
            events.close();
            resolve(heard);
          };
        };
      })`;
      try {
        await page.open(browser as string, `http://127.0.0.1:${http}/`);
        const heard = await until('answer in the browser', 20_000, () => page.value(said));
        assert.deepEqual(heard, ['from a browser', 'one', 'two']);
      } finally {
        await page.close();
      }
    });
  });

  test('Ingress says in an event what is wrong with it', async () => {
    const wrong = { ...path('none', '/none'), path: '/none' };
    const spec = { ingressClassName: 'mini-k8s', rules: [{ host: 'a.example.com', http: { paths: [wrong] } }] };
    await apply([{ ...ingress, metadata: { name: 'wrong' }, spec }]);
    const said = await until('event', 10_000, async () => {
      const { out } = await miniK8s(words('get', 'events', '-o', 'json'));
      const items = JSON.parse(out).items as readonly { involvedObject: { name: string }; message: string }[];
      return items.find(({ involvedObject }) => involvedObject.name === 'wrong')?.message;
    });
    assert.equal(said, 'there is no Service default/none');
    assert.equal(await at('a.example.com', '/none'), 'there is no Service default/none\n');
  });

  test('a rolling update and a change of scale fail no request under load', {
    skip: missing('wrk', 'apt-get install wrk'),
  }, async () => {
    const script = join(cluster.folder, 'host.lua');
    writeFileSync(script, 'wrk.headers["Host"] = "a.example.com"\n');
    const load = run('wrk', ['-t1', '-c8', '-d12s', '-s', script, `http://127.0.0.1:${http}/load`]);
    const folder = join(cluster.folder, 'app');
    await apply(workload(folder, 'a', 2, 'two'));
    const done = async (what: string, check: (status: Record<string, number>) => boolean) =>
      until(what, 30_000, async () => {
        const { out } = await miniK8s(words('get', 'deployment', 'a', '-o', 'json'));
        const { metadata, status } = JSON.parse(out);
        return status.observedGeneration === metadata.generation && check(status);
      });
    await done('end of the rolling update', ({ replicas, updatedReplicas }) => replicas === 2 && updatedReplicas === 2);
    await miniK8s(words('scale', 'a', '3'));
    await done('third replica', ({ readyReplicas }) => readyReplicas === 3);
    await miniK8s(words('scale', 'a', '1'));
    const { stdout } = await load;
    assert.doesNotMatch(stdout, /Socket errors|Non-2xx/, stdout);
    assert.ok(Number(/(\d+) requests in/.exec(stdout)?.[1]) > 1_000, stdout);
  });

  const skip = realAddresses ? false : 'pods without root on Linux have no address that leads anywhere from there';
  test('the proxy as a process of its own finds Services by Host and by path, without any Ingress', {
    skip,
  }, async () => {
    const port = await freePort();
    const log = join(cluster.folder, 'access.log');
    const flags = ['proxy', '--kubeconfig', cluster.kubeconfig, '--listen', `127.0.0.1:${port}`, '--access-log', log];
    const proxy = new Part(flags);
    await proxy.ready();
    await until('answer of the entry point', 10_000, async () =>
      (await at('b.localhost', '/x', port)).startsWith('b-'),
    );
    assert.match(await at('127.0.0.1', '/b/deep?q=1', port), /^b-\S+ \/deep\?q=1 http\n$/);
    assert.match(await at('b.default.svc.cluster.local', '/', port), /^b-\S+ \/ http\n$/);
    assert.match(await at('x.wild.example.com', '/', port), /^b-/);
    // The log is written behind the answers.
    await until('line of the last request', 5_000, () => {
      const lines = readFileSync(log, 'utf8').trim().split('\n');
      return JSON.parse(lines.at(-1) as string).route === 'ingress default/site';
    });
    assert.equal(await proxy.end(), 0);
  });
});
