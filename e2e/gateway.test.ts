import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { freePort } from '../src/host/free-port.test-data.ts';
import { finished, miniK8s, TestCluster, until } from './cluster.ts';

const group = 'gateway.networking.k8s.io';
const curl = async (...words: readonly string[]): Promise<string> =>
  (await finished('curl', ['-sS', '--max-time', '20', ...words])).out;

const serves =
  'require("http").createServer((q, r) => r.end(JSON.stringify({ name: process.env.NAME, url: q.url, ' +
  'headers: q.headers }))).listen(process.env.PORT, process.env.HOST)';
const app = (name: string) => [
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'main',
          image: 'host',
          command: [process.execPath, '-e', serves],
          ports: [{ containerPort: 8080 }],
          env: [{ name: 'NAME', value: name }],
        },
      ],
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
  },
];
const gateway = (port: number) => ({
  apiVersion: `${group}/v1`,
  kind: 'Gateway',
  metadata: { name: 'door' },
  spec: { gatewayClassName: 'mini-k8s', listeners: [{ name: 'http', protocol: 'HTTP', port }] },
});
const route = {
  apiVersion: `${group}/v1`,
  kind: 'HTTPRoute',
  metadata: { name: 'site' },
  spec: {
    parentRefs: [{ name: 'door' }],
    hostnames: ['site.example.com'],
    rules: [
      { backendRefs: [{ name: 'a', port: 80 }] },
      {
        matches: [{ headers: [{ name: 'version', value: 'two' }] }],
        filters: [
          {
            type: 'RequestHeaderModifier',
            requestHeaderModifier: { set: [{ name: 'X-Set', value: 'yes' }], remove: ['X-Gone'] },
          },
          { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/in' } } },
          { type: 'ResponseHeaderModifier', responseHeaderModifier: { add: [{ name: 'X-Answer', value: 'two' }] } },
        ],
        backendRefs: [{ name: 'b', port: 80 }],
      },
      {
        matches: [{ path: { value: '/old' } }],
        filters: [
          {
            type: 'RequestRedirect',
            requestRedirect: {
              statusCode: 301,
              path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' },
            },
          },
        ],
      },
      {
        matches: [{ path: { type: 'Exact', value: '/half' } }],
        backendRefs: [
          { name: 'a', port: 80, weight: 1 },
          { name: 'b', port: 80, weight: 1 },
        ],
      },
      { matches: [{ path: { type: 'Exact', value: '/none' } }], backendRefs: [{ name: 'none', port: 80 }] },
    ],
  },
};

describe('a cluster with the Gateway API', () => {
  const cluster = new TestCluster();
  let port = 0;
  const words = (...more: readonly string[]) => [...more, '--kubeconfig', cluster.kubeconfig];
  const applied = (objects: readonly object[]) =>
    miniK8s(words('apply', '-f', '-'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  const status = async (...what: readonly string[]) => {
    const { out } = await miniK8s(words('get', ...what, '-o', 'json'));
    return JSON.parse(out).status;
  };
  const site = (path: string, ...more: readonly string[]) =>
    curl('-H', 'Host: site.example.com', ...more, `http://127.0.0.1:${port}${path}`);

  before(async () => {
    port = await freePort();
    await cluster.start('up', ['--gateway-api']);
    await until('definitions', 20_000, async () => {
      const { code, err } = await applied([...app('a'), ...app('b'), gateway(port), route]);
      return code === 0 || Promise.reject(new Error(err));
    });
    await until('answers of both', 30_000, async () => {
      const seen = [await site('/'), await site('/', '-H', 'version: two')];
      return seen.every((text) => text.startsWith('{'));
    });
  });
  after(() => cluster.clear());

  test('HTTPRoute sends requests by path and header, and changes them as it says', async () => {
    assert.equal(JSON.parse(await site('/plain')).name, 'a');
    const changed = await site('/deep?q=1', '-i', '-H', 'version: two', '-H', 'X-Gone: 1');
    assert.match(changed, /^x-answer: two\r$/m);
    const { name, url, headers } = JSON.parse(changed.slice(changed.indexOf('{')));
    assert.deepEqual([name, url, headers['x-set'], headers['x-gone']], ['b', '/in/deep?q=1', 'yes', undefined]);
    const moved = await site('/old/page?q=1', '-o', '/dev/null', '-w', '%{http_code} %{redirect_url}');
    assert.equal(moved, `301 http://site.example.com:${port}/new/page?q=1`);
    const half: string[] = [];
    for (let round = 0; round < 30; round++) half.push(JSON.parse(await site('/half')).name);
    assert.deepEqual([...new Set(half)].sort(), ['a', 'b']);
    assert.match(await site('/none', '-w', '%{http_code}'), /500$/);
    assert.match(await curl('-w', '%{http_code}', `http://127.0.0.1:${port}/`), /^nothing is served .*404$/s);
  });

  test('the class, the Gateway and the route say what became of them', async () => {
    const brief = (list: readonly { type: string; status: string; reason: string; observedGeneration: number }[]) =>
      list.map((one) => `${one.type} ${one.status} ${one.reason} ${one.observedGeneration}`);
    assert.deepEqual(brief((await status('gatewayclass', 'mini-k8s')).conditions), ['Accepted True Accepted 1']);
    const door = await status('gateway', 'door');
    assert.deepEqual(door.addresses, [{ type: 'IPAddress', value: '127.0.0.1' }]);
    assert.deepEqual(brief(door.conditions), ['Accepted True Accepted 1', 'Programmed True Programmed 1']);
    assert.equal(door.listeners[0].attachedRoutes, 1);
    const { parents } = await status('httproute', 'site');
    assert.equal(parents[0].controllerName, 'mini-k8s.io/gateway');
    assert.deepEqual(brief(parents[0].conditions), [
      'Accepted True Accepted 1',
      'ResolvedRefs False BackendNotFound 1',
    ]);
  });

  test('a change of a route is in force at once, and a Gateway that goes takes its port along', async () => {
    const backendRefs = [{ name: 'b', port: 80 }];
    await applied([{ ...route, spec: { ...route.spec, rules: [{ backendRefs }] } }]);
    await until('new backend', 5_000, async () => JSON.parse(await site('/plain')).name === 'b');
    const resolved = await until('resolved references', 5_000, async () => {
      const { parents } = await status('httproute', 'site');
      return parents[0].conditions.find((one: { type: string }) => one.type === 'ResolvedRefs').status === 'True';
    });
    assert.ok(resolved);
    await miniK8s(words('delete', 'gateway', 'door'));
    await until('closed port', 5_000, async () => (await finished('curl', [`http://127.0.0.1:${port}/`])).code === 7);
  });

  test('what the definitions forbid is refused with a sentence', async () => {
    const wrong = { ...route, spec: { ...route.spec, rules: [{ matches: [{ path: { value: 'no-slash' } }] }] } };
    const { code, err } = await applied([wrong]);
    assert.notEqual(code, 0);
    assert.match(err, /value must be an absolute path/);
  });
});
