import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Part } from '../api/kinds/defaulting.ts';
import type { Ingress } from '../api/kinds/ingress.ts';
import type { IngressClass } from '../api/kinds/ingress-class.ts';
import type { Secret } from '../api/kinds/secret.ts';
import { keyText, type Meta } from '../api/object.ts';
import { encodeBase64 } from '../base/base64.ts';
import { encodeText } from '../base/json.ts';
import { HttpMatcher } from './http-match.ts';
import { meta, service, serviceWorld } from './http-objects.test-data.ts';
import { type IngressWorld, ingressRoutes } from './ingress.ts';
import { ingressController } from './ingress-class.ts';

const backend = (name: string, port: Part = { number: 80 }) => ({ service: { name, port } });
const path = (type: string, value: string, name: string) => ({ pathType: type, path: value, backend: backend(name) });
const rule = (host: string | undefined, ...paths: readonly Part[]) => ({ ...(host ? { host } : {}), http: { paths } });
const ingress = (name: string, spec: Part, more: Partial<Meta> = {}): Ingress => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: meta(name, more),
  spec,
});
const ingressClass = (name: string, controller = ingressController, isDefault = false): IngressClass => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: meta(name, {
    namespace: '',
    annotations: isDefault ? { 'ingressclass.kubernetes.io/is-default-class': 'true' } : {},
  }),
  spec: { controller },
});

const world = (ingresses: readonly Ingress[], more: Partial<IngressWorld> = {}): IngressWorld => ({
  ...serviceWorld(['a', 'b', 'c', 'd'].map((name) => service(name))),
  ingresses,
  classes: [],
  secret: () => undefined,
  ...more,
});

/** Which Service answers there, or with what status and words. */
function asked(given: IngressWorld, url: string): string | undefined {
  const { hosts } = ingressRoutes(given);
  const listener = { port: 80, tls: false, certificates: [], sites: [{ host: '', star: 'many' as const, hosts }] };
  const slash = url.indexOf('/');
  const found = new HttpMatcher(listener).find({
    method: 'GET',
    host: url.slice(0, slash),
    path: url.slice(slash),
    query: '',
    header: () => undefined,
  });
  if (!found) return undefined;
  if (found.action.type === 'forward') return found.action.choices[0]?.pool?.name.replace(/default\/(.*):80/, '$1');
  return found.action.type === 'answer' ? `${found.action.status} ${found.action.text}` : found.action.type;
}

test('ingressRoutes matches paths element by element, and exact ones letter by letter', () => {
  const rows: readonly (readonly [string, string, string, boolean])[] = [
    ['Prefix', '/', '/any/path', true],
    ['Exact', '/foo', '/foo', true],
    ['Exact', '/foo', '/bar', false],
    ['Exact', '/foo', '/foo/', false],
    ['Exact', '/foo/', '/foo', false],
    ['Prefix', '/foo', '/foo', true],
    ['Prefix', '/foo', '/foo/', true],
    ['Prefix', '/foo/', '/foo', true],
    ['Prefix', '/foo/', '/foo/', true],
    ['Prefix', '/aaa/bb', '/aaa/bbb', false],
    ['Prefix', '/aaa/bbb', '/aaa/bbb', true],
    ['Prefix', '/aaa/bbb/', '/aaa/bbb', true],
    ['Prefix', '/aaa/bbb', '/aaa/bbb/', true],
    ['Prefix', '/aaa/bbb', '/aaa/bbb/ccc', true],
    ['Prefix', '/aaa/bbb', '/aaa/bbbxyz', false],
    ['Prefix', '/Foo', '/foo', false],
    ['ImplementationSpecific', '/foo', '/foo/bar', true],
    ['ImplementationSpecific', '', '/foo/bar', true],
  ];
  for (const [type, value, request, matches] of rows) {
    const given = world([ingress('web', { rules: [rule(undefined, path(type, value, 'a'))] })]);
    assert.equal(asked(given, `x${request}`), matches ? 'a' : undefined, `${type} ${value} asked for ${request}`);
  }
});

test('ingressRoutes lets the longest path win, then the exact one, then the older Ingress', () => {
  const given = world([
    ingress('young', { rules: [rule('h', path('Exact', '/one', 'd'))] }, { creationTimestamp: '2026-01-02T00:00:00Z' }),
    ingress('web', {
      rules: [
        rule('h', path('Prefix', '/', 'a'), path('Prefix', '/one', 'b'), path('Exact', '/one', 'c')),
        rule('h', path('Prefix', '/one/two', 'd')),
      ],
    }),
  ]);
  assert.deepEqual(
    ['h/', 'h/one', 'h/one/x', 'h/one/two', 'h/one/two/three'].map((url) => asked(given, url)),
    ['a', 'c', 'b', 'd', 'd'],
  );
});

test('ingressRoutes tells names apart: exact before a star, a star for one label, and no name for all', () => {
  const given = world([
    ingress('web', {
      rules: [
        rule('*.foo.com', path('Prefix', '/', 'a')),
        rule('bar.foo.com', path('Prefix', '/only', 'b')),
        rule(undefined, path('Prefix', '/any', 'c')),
      ],
    }),
  ]);
  assert.deepEqual(
    ['x.foo.com/', 'bar.foo.com/only', 'bar.foo.com/', 'x.y.foo.com/', 'foo.com/', 'foo.com/any'].map((url) =>
      asked(given, url),
    ),
    ['a', 'b', 'a', undefined, undefined, 'c'],
  );
});

test("ingressRoutes asks an Ingress's default backend for its own names, the oldest one for all others", () => {
  const given = world([
    ingress('old', { defaultBackend: backend('a') }),
    ingress(
      'web',
      { defaultBackend: backend('b'), rules: [rule('h', path('Prefix', '/c', 'c'))] },
      { creationTimestamp: '2026-01-02T00:00:00Z' },
    ),
  ]);
  assert.deepEqual(
    ['h/c', 'h/other', 'else/'].map((url) => asked(given, url)),
    ['c', 'b', 'a'],
  );
});

test('ingressRoutes serves the classes that are ours, and says when a class is nobody’s', () => {
  const rules = [rule(undefined, path('Prefix', '/', 'a'))];
  const one = (spec: Part, annotations?: Meta['annotations']) => [
    ingress('web', { rules, ...spec }, annotations ? { annotations } : {}),
  ];
  const ours = ingressClass('mini-k8s');
  const theirs = ingressClass('nginx', 'k8s.io/ingress-nginx', true);
  const served = (ingresses: readonly Ingress[], classes: readonly IngressClass[]) =>
    ingressRoutes(world(ingresses, { classes })).ours.length;
  assert.equal(served(one({ ingressClassName: 'mini-k8s' }), [ours]), 1);
  assert.equal(served(one({ ingressClassName: 'nginx' }), [ours, theirs]), 0);
  assert.equal(served(one({}), [ours]), 1);
  assert.equal(served(one({}), [ours, theirs]), 0);
  assert.equal(served(one({}, { 'kubernetes.io/ingress.class': 'mini-k8s' }), []), 1);
  assert.equal(served(one({}, { 'kubernetes.io/ingress.class': 'nginx' }), [ours, theirs]), 0);
  assert.deepEqual(
    ingressRoutes(world(one({ ingressClassName: 'traefik' }), { classes: [ours] })).remarks.map((each) => each.message),
    ['nobody serves this Ingress: there is no IngressClass "traefik", there are mini-k8s'],
  );
});

test('ingressRoutes answers 503 with the reason where a backend leads nowhere, and tells who made it', () => {
  const resource = { resource: { apiGroup: 'x.io', kind: 'Bucket', name: 'pictures' } };
  const given = world([
    ingress('web', {
      rules: [
        rule(
          undefined,
          { pathType: 'Prefix', path: '/r', backend: resource },
          path('Prefix', '/none', 'none'),
          { pathType: 'Prefix', path: '/port', backend: backend('a', { number: 81 }) },
          { pathType: 'Prefix', path: '/name', backend: backend('a', { name: 'http' }) },
        ),
      ],
    }),
  ]);
  const words = [
    'the backend Bucket pictures is no Service: nothing can answer for it',
    'there is no Service default/none',
    'Service default/a has no TCP port 81: it has 80 (http)',
  ];
  assert.deepEqual(
    ['x/r', 'x/none', 'x/port', 'x/name'].map((url) => asked(given, url)),
    [...words.map((text) => `503 ${text}`), 'a'],
  );
  assert.deepEqual(
    ingressRoutes(given).remarks.map(({ about, reason, message }) => [about.metadata.name, reason, message]),
    [
      ['web', 'ResourceBackend', words[0]],
      ['web', 'NoBackend', words[1]],
      ['web', 'NoBackend', words[2]],
    ],
  );
});

test('ingressRoutes takes certificates from Secrets, for the names that are written beside them', () => {
  const pem = (label: string) => `-----BEGIN ${label}-----\nAA==\n-----END ${label}-----\n`;
  const secret = (certificate: string, key: string): Secret => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: meta('s'),
    data: { 'tls.crt': encodeBase64(encodeText(certificate)), 'tls.key': encodeBase64(encodeText(key)) },
  });
  const good = secret(pem('CERTIFICATE'), pem('EC PRIVATE KEY'));
  const known: Readonly<Record<string, Secret>> = { 'default/good': good, 'default/bad': secret('no', '') };
  const tls = [{ hosts: ['A.com', '*.b.com'], secretName: 'good' }, { secretName: 'good' }];
  const spec = { tls: [...tls, { secretName: 'bad' }, { secretName: 'none' }, { hosts: ['c.com'] }] };
  const { certificates, remarks } = ingressRoutes(
    world([ingress('web', { ...spec, defaultBackend: backend('a') })], { secret: (key) => known[keyText(key)] }),
  );
  assert.deepEqual(certificates, [
    { hosts: ['a.com', '*.b.com'], certificate: pem('CERTIFICATE'), key: pem('EC PRIVATE KEY') },
    { hosts: [''], certificate: pem('CERTIFICATE'), key: pem('EC PRIVATE KEY') },
  ]);
  assert.deepEqual(
    remarks.map(({ message }) => message),
    ['tls.crt of Secret default/bad is no certificate in PEM form', 'there is no Secret default/none'],
  );
});

test('ingressRoutes is the same for the same objects in any order', () => {
  const ingresses = ['x', 'y', 'z'].map((name) =>
    ingress(name, { rules: [rule('h', path('Prefix', '/', name === 'x' ? 'a' : 'b'))], defaultBackend: backend('c') }),
  );
  const forwards = ingressRoutes(world(ingresses));
  assert.deepEqual(ingressRoutes(world(ingresses.toReversed())), forwards);
  assert.equal(asked(world(ingresses.toReversed()), 'h/'), 'a');
});
