import { CelError } from '../../api/cel/cel-error.ts';
import { patternOf } from '../../api/cel/library/regex.ts';
import type { Millis } from '../../base/env.ts';
import { poolOf, type ServiceWorld } from '../http-backends.ts';
import type {
  ForwardAction,
  HeaderChange,
  HttpAction,
  HttpFilters,
  HttpPool,
  HttpRule,
  Mirror,
  PathChange,
  ValueMatch,
  WeightedPool,
} from '../http-table.ts';
import type {
  BackendReference,
  HeaderFilter,
  HttpRoute,
  NamedValue,
  ObjectReference,
  PathModifier,
  RouteFilter,
  RouteMatch,
  RouteRule,
} from './gateway-kinds.ts';

/** Why a route is not, or not in full, what it asks to be. */
export interface RouteProblem {
  /** Of which condition. */
  readonly of: 'ResolvedRefs' | 'Accepted';
  readonly reason: string;
  readonly message: string;
}

export interface RouteWorld extends ServiceWorld {
  /** Whether a route of one namespace may name an object of another. */
  mayRefer(route: HttpRoute, to: { readonly group: string; readonly kind: string } & ObjectReference): boolean;
}

/** A rule with what decides between it and others of the same name. */
export interface RankedRule {
  readonly rule: HttpRule;
  readonly rank: readonly number[];
}

/** One route as rules of the proxy, in its own order; `problems` is filled with what is wrong. */
export function routeRules(world: RouteWorld, route: HttpRoute, problems: RouteProblem[]): readonly RankedRule[] {
  const { namespace = '', name } = route.metadata;
  const source = `httproute ${namespace}/${name}`;
  const rules = route.spec.rules ?? [{}];
  return rules.flatMap((rule) => {
    const action = actionOf(world, route, rule, problems);
    const matches = rule.matches?.length ? rule.matches : [{}];
    return matches.map((match) => ({ rule: ruleOf(match, action, source, problems), rank: rankOf(match) }));
  });
}

/** An exact path before a pattern before a prefix, a longer one before a shorter; then method, headers, query. */
function rankOf({ path, method, headers, queryParams }: RouteMatch): readonly number[] {
  const type = path?.type ?? 'PathPrefix';
  const kind = type === 'Exact' ? 2 : type === 'RegularExpression' ? 1 : 0;
  const length = (path?.value ?? '/').length;
  return [kind, length, method === undefined ? 0 : 1, headers?.length ?? 0, queryParams?.length ?? 0];
}

function ruleOf(match: RouteMatch, action: HttpAction, source: string, problems: RouteProblem[]): HttpRule {
  const type = match.path?.type ?? 'PathPrefix';
  const value = match.path?.value ?? '/';
  const headers = valueMatches(match.headers, problems).map((one) => ({ ...one, name: one.name.toLowerCase() }));
  const query = valueMatches(match.queryParams, problems);
  return {
    path:
      type === 'RegularExpression'
        ? { type: 'Pattern', value, test: wholePattern(value, problems) }
        : { type: type === 'Exact' ? 'Exact' : 'Prefix', value },
    ...(match.method === undefined ? {} : { method: match.method }),
    ...(headers.length > 0 ? { headers } : {}),
    ...(query.length > 0 ? { query } : {}),
    action,
    source,
  };
}

/** Of several with the same name only the first counts. */
function valueMatches(given: readonly NamedValue[] | undefined, problems: RouteProblem[]): readonly ValueMatch[] {
  const seen = new Set<string>();
  return (given ?? []).flatMap(({ type, name, value }) => {
    if (seen.has(name.toLowerCase())) return [];
    seen.add(name.toLowerCase());
    return [{ name, value, ...(type === 'RegularExpression' ? { test: wholePattern(value, problems) } : {}) }];
  });
}

/** The whole text must match. A pattern that is none matches nothing. */
function wholePattern(value: string, problems: RouteProblem[]): (text: string) => boolean {
  const pattern = patternOf(`^(?:${value})$`);
  if (!(pattern instanceof CelError)) return (text) => pattern.matcher(text).find();
  const message = `${JSON.stringify(value)} is no regular expression: ${pattern.message}`;
  problems.push({ of: 'Accepted', reason: 'UnsupportedValue', message });
  return () => false;
}

function actionOf(world: RouteWorld, route: HttpRoute, rule: RouteRule, problems: RouteProblem[]): HttpAction {
  const filters = rule.filters ?? [];
  const unsupported = filters.find(({ type }) => !ruleFilters.has(type));
  if (unsupported) return refusedFilter(unsupported, problems);
  const of = (type: string) => filters.find((filter) => filter.type === type);
  const redirect = of('RequestRedirect')?.requestRedirect;
  const headers = headerFilters(filters);
  if (redirect) {
    const { scheme, hostname, port, path, statusCode = 302 } = redirect;
    return {
      type: 'redirect',
      status: statusCode,
      ...(scheme === undefined ? {} : { scheme }),
      ...(hostname === undefined ? {} : { hostname }),
      ...(port === undefined ? {} : { port }),
      ...(path === undefined ? {} : { path: pathChange(path) }),
      ...(headers.responseHeaders ? { responseHeaders: headers.responseHeaders } : {}),
    };
  }
  const rewrite = of('URLRewrite')?.urlRewrite;
  const mirrors = mirrorsOf(world, route, filters, problems);
  const { hostname, path } = rewrite ?? {};
  const rewriting = {
    ...(hostname === undefined ? {} : { hostname }),
    ...(path === undefined ? {} : { path: pathChange(path) }),
  };
  return {
    type: 'forward',
    choices: (rule.backendRefs ?? []).map((ref) => weighted(world, route, ref, problems)),
    ...headers,
    ...(rewrite ? { rewrite: rewriting } : {}),
    ...(mirrors.length > 0 ? { mirrors } : {}),
    ...timeoutsOf(rule),
  };
}

const ruleFilters: ReadonlySet<string> = new Set([
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestRedirect',
  'URLRewrite',
  'RequestMirror',
]);
const backendFilters: ReadonlySet<string> = new Set(['RequestHeaderModifier', 'ResponseHeaderModifier']);

/** A filter must not be left out in silence: without it the request would be another one. */
function refusedFilter({ type }: RouteFilter, problems: RouteProblem[]): HttpAction {
  const message = `the filter ${type} is not known here`;
  problems.push({ of: 'Accepted', reason: 'UnsupportedValue', message });
  return { type: 'answer', status: 500, text: message };
}

function headerFilters(filters: readonly RouteFilter[]): HttpFilters {
  const request = filters.find(({ requestHeaderModifier }) => requestHeaderModifier)?.requestHeaderModifier;
  const response = filters.find(({ responseHeaderModifier }) => responseHeaderModifier)?.responseHeaderModifier;
  return {
    ...(request ? { requestHeaders: headerChange(request) } : {}),
    ...(response ? { responseHeaders: headerChange(response) } : {}),
  };
}

function headerChange({ set = [], add = [], remove = [] }: HeaderFilter): HeaderChange {
  const pairs = (values: readonly NamedValue[]) =>
    values.map(({ name, value }) => [name.toLowerCase(), value] as const);
  return { set: pairs(set), add: pairs(add), remove: remove.map((name) => name.toLowerCase()) };
}

const pathChange = ({ type, replaceFullPath = '', replacePrefixMatch = '' }: PathModifier): PathChange =>
  type === 'ReplaceFullPath'
    ? { replace: 'whole', value: replaceFullPath }
    : { replace: 'prefix', value: replacePrefixMatch };

function weighted(world: RouteWorld, route: HttpRoute, ref: BackendReference, problems: RouteProblem[]): WeightedPool {
  const weight = ref.weight ?? 1;
  const filters = ref.filters ?? [];
  const unsupported = filters.find(({ type }) => !backendFilters.has(type));
  if (unsupported) {
    refusedFilter(unsupported, problems);
    return { weight };
  }
  const pool = poolOfReference(world, route, ref, problems);
  return { weight, ...(pool ? { pool } : {}), ...headerFilters(filters) };
}

function poolOfReference(
  world: RouteWorld,
  route: HttpRoute,
  ref: BackendReference,
  problems: RouteProblem[],
): HttpPool | undefined {
  const refused = (reason: string, message: string): undefined =>
    void problems.push({ of: 'ResolvedRefs', reason, message });
  const { group = '', kind = 'Service', name, port } = ref;
  if (group !== '' || kind !== 'Service') return refused('InvalidKind', `a backend must be a Service, not a ${kind}`);
  const namespace = ref.namespace ?? route.metadata.namespace ?? '';
  if (!world.mayRefer(route, { group, kind, namespace, name })) {
    return refused('RefNotPermitted', `no ReferenceGrant lets this route use Service ${namespace}/${name}`);
  }
  if (port === undefined) return refused('InvalidKind', `the backend Service ${namespace}/${name} needs a port`);
  const pool = poolOf(world, { namespace, name }, { number: port });
  if (!('problem' in pool)) return pool;
  return refused(pool.missing === 'protocol' ? 'UnsupportedProtocol' : 'BackendNotFound', pool.problem);
}

function mirrorsOf(
  world: RouteWorld,
  route: HttpRoute,
  filters: readonly RouteFilter[],
  problems: RouteProblem[],
): readonly Mirror[] {
  return filters.flatMap(({ requestMirror }) => {
    if (!requestMirror) return [];
    const pool = poolOfReference(world, route, requestMirror.backendRef, problems);
    if (!pool) return [];
    const { percent, fraction } = requestMirror;
    const numerator = fraction?.numerator ?? percent ?? 100;
    return [{ pool, numerator, denominator: fraction?.denominator ?? 100 }];
  });
}

const unitMs: Readonly<Record<string, Millis>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** `1h2m3s4ms`; none of it is no limit. */
function duration(text: string | undefined): Millis {
  let sum = 0;
  for (const [, count, unit = 's'] of (text ?? '').matchAll(/(\d+)(ms|h|m|s)/g))
    sum += Number(count) * (unitMs[unit] ?? 0);
  return sum;
}

function timeoutsOf({ timeouts }: RouteRule): Pick<ForwardAction, 'requestMs' | 'backendMs'> {
  const requestMs = duration(timeouts?.request);
  const backendMs = duration(timeouts?.backendRequest);
  return { ...(requestMs > 0 ? { requestMs } : {}), ...(backendMs > 0 ? { backendMs } : {}) };
}
