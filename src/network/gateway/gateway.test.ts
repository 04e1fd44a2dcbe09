import assert from 'node:assert/strict';
import { test } from 'node:test';
import { customKind } from '../../api/custom/custom-kind.ts';
import type { CustomDefinition } from '../../api/custom/definition.ts';
import { judgeDefinition } from '../../api/custom/definition-rules.ts';
import type { Secret } from '../../api/kinds/secret.ts';
import { type KubeObject, keyText, type Meta } from '../../api/object.ts';
import { encodeBase64 } from '../../base/base64.ts';
import type { Instant } from '../../base/env.ts';
import { encodeText } from '../../base/json.ts';
import { HttpMatcher } from '../http-match.ts';
import { meta, service, serviceWorld } from '../http-objects.test-data.ts';
import { commonHosts, type GatewayWorld, gatewayRoutes } from './gateway.ts';
import { gatewayController } from './gateway-class.ts';
import { gatewayDefinitions } from './gateway-definitions.ts';
import type {
  Gateway,
  GatewayClass,
  GatewayListener,
  HttpRoute,
  HttpRouteSpec,
  ReferenceGrant,
  RouteRule,
} from './gateway-kinds.ts';
import { gatewayStatus, routeStatus } from './gateway-status.ts';

const group = 'gateway.networking.k8s.io';
const listener = (more: Partial<GatewayListener> = {}): GatewayListener => ({
  name: 'http',
  port: 80,
  protocol: 'HTTP',
  ...more,
});
const gatewayClass: GatewayClass = {
  apiVersion: `${group}/v1`,
  kind: 'GatewayClass',
  metadata: meta('ours', { namespace: '' }),
  spec: { controllerName: gatewayController },
};
const gateway = (listeners: readonly GatewayListener[], more: Partial<Gateway['spec']> = {}): Gateway => ({
  apiVersion: `${group}/v1`,
  kind: 'Gateway',
  metadata: meta('door', { generation: 3 }),
  spec: { gatewayClassName: 'ours', listeners, ...more },
});
const route = (name: string, spec: HttpRouteSpec, more: Partial<Meta> = {}): HttpRoute => ({
  apiVersion: `${group}/v1`,
  kind: 'HTTPRoute',
  metadata: meta(name, more),
  spec: { parentRefs: [{ name: 'door' }], ...spec },
});
const to = (name: string, more: object = {}) => ({ name, port: 80, ...more });
const rule = (backend: string, ...matches: NonNullable<RouteRule['matches']>): RouteRule => ({
  matches,
  backendRefs: [to(backend)],
});
const world = (
  gateways: readonly Gateway[],
  routes: readonly HttpRoute[],
  more: Partial<GatewayWorld> = {},
): GatewayWorld => ({
  ...serviceWorld([
    ...['a', 'b', 'c', 'd', 'e'].map((name) => service(name)),
    service('far', ['10.0.0.9'], {}, 'other'),
  ]),
  classes: [gatewayClass],
  gateways,
  routes,
  grants: [],
  secret: () => undefined,
  namespaceLabels: (name) => ({ 'kubernetes.io/metadata.name': name }),
  ...more,
});

interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly port?: number;
}

/** Which rule a request meets, as the Service of its first choice, or as the kind of its action. */
function asked(given: GatewayWorld, url: string, { method = 'GET', headers = {}, port = 80 }: Ask = {}) {
  const listeners = gatewayRoutes(given).listeners.filter((one) => one.port === port);
  const sites = listeners.flatMap((one) => one.sites);
  const [, host = '', path = '', query = ''] = /^([^/]*)([^?]*)\??(.*)$/.exec(url) ?? [];
  const found = new HttpMatcher({ port, tls: false, certificates: [], sites }).find({
    method,
    host,
    path,
    query,
    header: (name) => headers[name],
  });
  if (found?.action.type !== 'forward') return found?.action.type;
  return found.action.choices[0]?.pool?.name.replace(/^default\/(.*):80$/, '$1') ?? 'nobody';
}

const verdictsOf = (given: GatewayWorld, name = 'web') =>
  gatewayRoutes(given)
    .routes.find(({ route: one }) => one.metadata.name === name)
    ?.parents.map(({ verdicts }) => verdicts.map(({ type, holds, reason }) => `${type} ${holds} ${reason}`));

test('gatewayRoutes prefers what says more: exact path, longer prefix, method, headers, query, then age', () => {
  const rules = [
    rule('a', { path: { type: 'PathPrefix', value: '/' } }),
    rule('b', { path: { type: 'PathPrefix', value: '/one' } }),
    rule('c', { path: { type: 'Exact', value: '/one' } }),
    rule('d', { path: { type: 'PathPrefix', value: '/one' }, method: 'POST' }),
    rule('e', { path: { type: 'PathPrefix', value: '/one' }, headers: [{ name: 'Version', value: '2' }] }),
    rule('a', {
      path: { type: 'PathPrefix', value: '/one' },
      headers: [{ name: 'Version', value: '2' }],
      queryParams: [{ name: 'q', value: '1' }],
    }),
  ];
  const late = { creationTimestamp: '2026-01-02T00:00:00Z' };
  const given = world(
    [gateway([listener()])],
    [route('late', { rules: [rule('d', { path: { type: 'Exact', value: '/one' } })] }, late), route('web', { rules })],
  );
  const headers = { version: '2' };
  assert.deepEqual(
    [
      asked(given, 'x/'),
      asked(given, 'x/one/two'),
      asked(given, 'x/one'),
      asked(given, 'x/one/two', { method: 'POST', headers }),
      asked(given, 'x/one/two', { headers }),
      asked(given, 'x/one/two?q=1', { headers }),
    ],
    ['a', 'b', 'c', 'd', 'e', 'a'],
  );
});

test('gatewayRoutes understands patterns of paths and headers, in linear time', () => {
  const rules = [
    rule('a', { path: { type: 'RegularExpression', value: '/v[0-9]+/.*' } }),
    rule('b', { headers: [{ name: 'x', value: 'a.c', type: 'RegularExpression' }] }),
  ];
  const given = world([gateway([listener()])], [route('web', { rules })]);
  assert.deepEqual(
    [asked(given, 'x/v12/y'), asked(given, 'x/z/v12/y'), asked(given, 'x/', { headers: { x: 'abc' } })],
    ['a', undefined, 'b'],
  );
  const bad = world(
    [gateway([listener()])],
    [route('web', { rules: [rule('a', { path: { type: 'RegularExpression', value: '(' } })] })],
  );
  assert.deepEqual(verdictsOf(bad), [['Accepted false UnsupportedValue', 'ResolvedRefs true ResolvedRefs']]);
});

test('gatewayRoutes keeps listeners apart by their names', () => {
  const listeners = [listener(), listener({ name: 'shop', hostname: '*.shop.com' })];
  const given = world(
    [gateway(listeners)],
    [
      route('all', { rules: [rule('a')], parentRefs: [{ name: 'door', sectionName: 'http' }] }),
      route('web', {
        rules: [rule('b')],
        hostnames: ['www.shop.com', 'www.example.com'],
        parentRefs: [{ name: 'door', sectionName: 'shop' }],
      }),
    ],
  );
  assert.deepEqual(
    ['www.shop.com/', 'other.shop.com/', 'x.other.shop.com/', 'www.example.com/'].map((url) => asked(given, url)),
    ['b', undefined, undefined, 'a'],
  );
  const rows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['', [], ['']],
    ['', ['a.com'], ['a.com']],
    ['a.com', ['a.com', 'b.com'], ['a.com']],
    ['*.com', ['a.com', '*.com', 'com', 'A.b.com'], ['a.com', '*.com', 'a.b.com']],
    ['*.b.com', ['*.com'], ['*.b.com']],
    ['b.com', ['*.com'], ['b.com']],
  ];
  for (const [own, hostnames, expected] of rows) assert.deepEqual(commonHosts(own, hostnames), expected);
});

test('gatewayRoutes says why a route is not attached', () => {
  const doors = [gateway([listener({ hostname: 'a.com' })])];
  const spec = { rules: [rule('a')] };
  const rows: readonly (readonly [HttpRouteSpec, string, string])[] = [
    [{ ...spec, parentRefs: [{ name: 'door', sectionName: 'none' }] }, 'default', 'Accepted false NoMatchingParent'],
    [{ ...spec, parentRefs: [{ name: 'door', port: 81 }] }, 'default', 'Accepted false NoMatchingParent'],
    [{ ...spec, hostnames: ['b.com'] }, 'default', 'Accepted false NoMatchingListenerHostname'],
    [
      { ...spec, parentRefs: [{ name: 'door', namespace: 'default' }] },
      'other',
      'Accepted false NotAllowedByListeners',
    ],
    [{ ...spec, hostnames: ['a.com'] }, 'default', 'Accepted true Accepted'],
  ];
  for (const [one, namespace, expected] of rows) {
    assert.equal(verdictsOf(world(doors, [route('web', one, { namespace })]))?.[0]?.[0], expected);
  }
  const selector = { matchLabels: { 'kubernetes.io/metadata.name': 'other' } };
  const open = gateway([listener({ allowedRoutes: { namespaces: { from: 'Selector', selector } } })]);
  const far = route('web', { ...spec, parentRefs: [{ name: 'door', namespace: 'default' }] }, { namespace: 'other' });
  assert.equal(verdictsOf(world([open], [far]))?.[0]?.[0], 'Accepted true Accepted');
  assert.equal(verdictsOf(world(doors, [route('web', { ...spec, parentRefs: [{ name: 'elsewhere' }] })])), undefined);
});

test('gatewayRoutes follows references only where they may lead', () => {
  const grant: ReferenceGrant = {
    apiVersion: `${group}/v1beta1`,
    kind: 'ReferenceGrant',
    metadata: meta('grant', { namespace: 'other' }),
    spec: {
      from: [{ group, kind: 'HTTPRoute', namespace: 'default' }],
      to: [{ group: '', kind: 'Service', name: 'far' }],
    },
  };
  const doors = [gateway([listener()])];
  const one = (backend: object) => [route('web', { rules: [{ backendRefs: [backend as never] }] })];
  const resolved = (backend: object, grants: readonly ReferenceGrant[] = []) =>
    verdictsOf(world(doors, one(backend), { grants }))?.[0]?.[1];
  assert.equal(resolved(to('far', { namespace: 'other' })), 'ResolvedRefs false RefNotPermitted');
  assert.equal(resolved(to('far', { namespace: 'other' }), [grant]), 'ResolvedRefs true ResolvedRefs');
  assert.equal(resolved(to('none')), 'ResolvedRefs false BackendNotFound');
  assert.equal(resolved({ name: 'a', port: 81 }), 'ResolvedRefs false BackendNotFound');
  assert.equal(resolved(to('a', { kind: 'Bucket', group: 'x.io' })), 'ResolvedRefs false InvalidKind');
  assert.equal(asked(world(doors, one(to('none'))), 'x/'), 'nobody');
  assert.equal(asked(world(doors, one(to('far', { namespace: 'other' })), { grants: [grant] }), 'x/'), 'other/far:80');
});

test('gatewayRoutes turns filters, weights and times into one action', () => {
  const filters = [
    { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'X-A', value: '1' }], remove: ['X-B'] } },
    {
      type: 'URLRewrite',
      urlRewrite: { hostname: 'in.side', path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/x' } },
    },
    { type: 'RequestMirror', requestMirror: { backendRef: to('b'), percent: 50 } },
  ];
  const backendRefs = [
    to('a', { weight: 9 }),
    to('none', { weight: 1 }),
    to('b', { weight: 0, filters: [filters[1]] }),
  ];
  const timeouts = { request: '1m2s', backendRequest: '500ms' };
  const moved = { type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } };
  const given = world(
    [gateway([listener()])],
    [
      route('web', {
        rules: [
          { filters, backendRefs, timeouts } as RouteRule,
          { matches: [{ path: { type: 'Exact', value: '/moved' } }], filters: [moved] },
        ],
      }),
    ],
  );
  const rules = gatewayRoutes(given).listeners[0]?.sites[0]?.hosts[0]?.rules ?? [];
  const pool = (name: string) => ({
    name: `default/${name}:80`,
    protocol: 'http1',
    backends: [{ ip: '10.0.0.1', port: 8080 }],
  });
  assert.deepEqual(rules[0]?.action, { type: 'redirect', status: 301, scheme: 'https' });
  assert.deepEqual(rules[1]?.action, {
    type: 'forward',
    choices: [{ weight: 9, pool: pool('a') }, { weight: 1 }, { weight: 0 }],
    requestHeaders: { set: [['x-a', '1']], add: [], remove: ['x-b'] },
    rewrite: { hostname: 'in.side', path: { replace: 'prefix', value: '/x' } },
    mirrors: [{ pool: pool('b'), numerator: 50, denominator: 100 }],
    requestMs: 62_000,
    backendMs: 500,
  });
});

test('gatewayRoutes judges listeners: protocols, certificates, conflicts', () => {
  const pem = (label: string) => `-----BEGIN ${label}-----\nAA==\n-----END ${label}-----\n`;
  const good: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: meta('good'),
    data: {
      'tls.crt': encodeBase64(encodeText(pem('CERTIFICATE'))),
      'tls.key': encodeBase64(encodeText(pem('PRIVATE KEY'))),
    },
  };
  const https = (name: string, more: Partial<GatewayListener>) =>
    listener({ name, port: 443, protocol: 'HTTPS', hostname: `${name}.com`, ...more });
  const certificateRefs = (name: string, namespace?: string) => ({
    tls: { certificateRefs: [{ name, ...(namespace ? { namespace } : {}) }] },
  });
  const given = world(
    [
      gateway([
        https('good', certificateRefs('good')),
        https('none', certificateRefs('none')),
        https('far', certificateRefs('good', 'other')),
        https('bare', {}),
        listener({ name: 'tcp', port: 9000, protocol: 'TCP' }),
        listener({ name: 'x', port: 81 }),
        listener({ name: 'y', port: 81 }),
        listener({ name: 'kinds', port: 82, allowedRoutes: { kinds: [{ kind: 'TLSRoute' }] } }),
      ]),
    ],
    [],
    { secret: (key) => (keyText(key) === 'default/good' ? good : undefined) },
  );
  const { gateways, listeners } = gatewayRoutes(given);
  const reasons = gateways[0]?.listeners.map(({ listener: { name }, verdicts }) => [
    name,
    ...verdicts.filter(({ type, holds }) => holds === (type === 'Conflicted')).map(({ reason }) => reason),
  ]);
  assert.deepEqual(reasons, [
    ['good'],
    ['none', 'InvalidCertificateRef'],
    ['far', 'RefNotPermitted'],
    ['bare', 'InvalidCertificateRef'],
    ['tcp', 'UnsupportedProtocol'],
    ['x', 'HostnameConflict', 'HostnameConflict'],
    ['y', 'HostnameConflict', 'HostnameConflict'],
    ['kinds', 'InvalidRouteKinds'],
  ]);
  assert.deepEqual(
    listeners.map(({ port, tls, certificates }) => [port, tls, certificates.length]),
    [
      [443, true, 1],
      [82, false, 0],
    ],
  );
});

test('the status of a Gateway and a route is written once, and again when something turns', () => {
  const given = world([gateway([listener()])], [route('web', { rules: [rule('a')] }, { generation: 2 })]);
  const { gateways, routes } = gatewayRoutes(given);
  const result = gateways[0] as NonNullable<(typeof gateways)[0]>;
  const context = {
    now: '2026-01-01T00:00:00Z',
    address: '127.0.0.1',
    bound: [{ port: 80, host: '127.0.0.1', at: 8081 }],
  };
  const [action] = gatewayStatus(result, context) as unknown as readonly { patch: { status: Gateway['status'] } }[];
  const status = action?.patch.status;
  const brief = (list: readonly { type: string; status: string; observedGeneration?: number }[] = []) =>
    list.map((one) => `${one.type} ${one.status} ${one.observedGeneration}`);
  assert.deepEqual(status?.addresses, [{ type: 'IPAddress', value: '127.0.0.1' }]);
  assert.deepEqual(brief(status?.conditions), ['Accepted True 3', 'Programmed True 3']);
  assert.deepEqual(
    [status?.listeners?.[0]?.attachedRoutes, brief(status?.listeners?.[0]?.conditions)],
    [1, ['Accepted True 3', 'ResolvedRefs True 3', 'Conflicted False 3', 'Programmed True 3']],
  );
  assert.equal(status?.listeners?.[0]?.conditions[3]?.message, 'port 80 is heard at 127.0.0.1:8081');
  const later = { ...context, now: '2026-02-02T00:00:00Z' };
  const standing = { ...result, gateway: { ...result.gateway, status: status as NonNullable<typeof status> } };
  assert.deepEqual(gatewayStatus(standing, later), []);
  const beside = { ...later, yields: true, address: '192.0.2.1', bound: [{ port: 80, host: '192.0.2.1', at: 80 }] };
  assert.deepEqual(gatewayStatus(standing, beside), [], 'a second proxy does not contradict the first');
  const [lost] = gatewayStatus(standing, { ...later, bound: [{ port: 80, error: 'taken' }] }) as unknown as readonly {
    patch: { status: Gateway['status'] };
  }[];
  assert.deepEqual(
    lost?.patch.status?.conditions?.map((one) => [
      one.type,
      one.status,
      one.reason,
      one.lastTransitionTime,
      one.message,
    ]),
    [
      ['Accepted', 'False', 'ListenersNotValid', later.now, 'listener http: the port cannot be listened at: taken'],
      ['Programmed', 'False', 'Invalid', later.now, 'listener http: the port cannot be listened at: taken'],
    ],
  );
  const theirs = { parentRef: { name: 'x' }, controllerName: 'other.io/x', conditions: [] };
  const own = routes[0] as NonNullable<(typeof routes)[0]>;
  const [said] = routeStatus(
    { ...own, route: { ...own.route, status: { parents: [theirs] } } },
    context,
  ) as unknown as readonly { patch: { status: HttpRoute['status'] } }[];
  assert.deepEqual(
    said?.patch.status?.parents?.map(({ controllerName, conditions }) => [controllerName, ...brief(conditions)]),
    [['other.io/x'], [gatewayController, 'Accepted True 2', 'ResolvedRefs True 2']],
  );
});

test('the definitions that are shipped are in order, and fill in what users leave out', () => {
  const definitions = gatewayDefinitions.map(
    (one) => ({ ...one, status: { storedVersions: [one.spec.versions?.[0]?.name] } }) as CustomDefinition,
  );
  for (const one of definitions) assert.deepEqual(judgeDefinition(one, undefined), [], one.metadata.name);
  const definition = definitions.find(({ spec }) => spec.names?.kind === 'HTTPRoute') as CustomDefinition;
  const kind = customKind(definition, definition.spec.versions?.[0] as never);
  const written = (spec: HttpRouteSpec) => route('web', spec) as KubeObject;
  const made = kind.rules.defaults?.(written({ rules: [{ backendRefs: [{ name: 'a', port: 80 }] }] })) as HttpRoute;
  assert.deepEqual(made.spec.parentRefs, [{ name: 'door', group, kind: 'Gateway' }]);
  assert.deepEqual(made.spec.rules, [
    {
      matches: [{ path: { type: 'PathPrefix', value: '/' } }],
      backendRefs: [{ name: 'a', port: 80, group: '', kind: 'Service', weight: 1 }],
    },
  ]);
  const told = (spec: HttpRouteSpec) =>
    kind.rules.validate?.(written(spec), undefined, { now: 0 as Instant, subresource: '' }).map(({ text }) => text);
  assert.deepEqual(told(made.spec), []);
  const path = { type: 'Exact', value: 'one' };
  const absolute = "value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']";
  assert.ok(told({ rules: [{ matches: [{ path }] }] })?.some((text) => text.includes(absolute)));
  const portless = { group: '', kind: 'Service', name: 'a' };
  assert.match(told({ rules: [{ backendRefs: [portless] }] })?.join() ?? '', /Must have port for Service reference/);
});
