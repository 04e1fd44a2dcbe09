import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entryPoint } from './entry-point.ts';
import { HttpMatcher } from './http-match.ts';
import { service, serviceWorld } from './http-objects.test-data.ts';

/** Who answers, and the prefix that its path loses. */
function asked(made: readonly ReturnType<typeof service>[], url: string): string | undefined {
  const hosts = entryPoint(
    made.map((each) => each.service),
    serviceWorld(made),
  );
  const listener = { port: 80, tls: false, certificates: [], sites: [{ host: '', star: 'one' as const, hosts }] };
  const slash = url.indexOf('/');
  const question = { method: 'GET', host: url.slice(0, slash), path: url.slice(slash), query: '' };
  const found = new HttpMatcher(listener).find({ ...question, header: () => undefined });
  if (found?.action.type !== 'forward') return undefined;
  return `${found.action.choices[0]?.pool?.name}${found.action.rewrite ? ` without ${found.path.value}` : ''}`;
}

test('entryPoint finds a Service by its name, and by the first part of the path', () => {
  const ports = [
    { name: 'metrics', port: 9090, targetPort: 9090 },
    { name: 'http-web', port: 8080, targetPort: 8080 },
  ];
  const made = [service('web'), service('shop', ['10.0.0.2'], { ports }, 'sales')];
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['web/', 'default/web:80'],
    ['web.localhost/x', 'default/web:80'],
    ['web.default.svc.cluster.local/', 'default/web:80'],
    ['shop.sales/', 'sales/shop:8080'],
    ['shop.sales.localhost/', 'sales/shop:8080'],
    ['shop/', 'sales/shop:8080'],
    ['127.0.0.1/web/a', 'default/web:80 without /web'],
    ['127.0.0.1/shop', 'sales/shop:8080 without /shop'],
    ['127.0.0.1/website', undefined],
    ['127.0.0.1/', undefined],
    ['web.sales/', undefined],
  ];
  for (const [url, expected] of rows) assert.equal(asked(made, url), expected, url);
});

test('entryPoint sends everything to the only Service, and nothing to the API', () => {
  const api = service('kubernetes', ['127.0.0.1'], { ports: [{ name: 'https', port: 443, targetPort: 6443 }] });
  const dns = service('dns', ['10.0.0.9'], {}, 'kube-system');
  assert.equal(asked([api, dns, service('web')], '127.0.0.1/any'), 'default/web:80');
  assert.equal(asked([api], 'kubernetes/'), undefined);
});

test('entryPoint does not guess between two namespaces that have the same name', () => {
  const made = [service('web', ['10.0.0.1'], {}, 'one'), service('web', ['10.0.0.2'], {}, 'two')];
  assert.equal(asked(made, 'web/'), undefined);
  assert.equal(asked(made, 'web.two/'), 'two/web:80');
  assert.equal(asked([...made, service('web')], 'web/'), 'default/web:80');
});
