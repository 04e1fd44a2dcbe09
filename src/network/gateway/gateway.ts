import type { Secret } from '../../api/kinds/secret.ts';
import type { Key, Labels } from '../../api/object.ts';
import { matcherOf } from '../../api/selector.ts';
import type { ServiceWorld } from '../http-backends.ts';
import type { HttpCertificate, HttpHost, HttpListener, HttpRule } from '../http-table.ts';
import { byAge } from '../ingress.ts';
import { certificateOf } from '../tls-secret.ts';
import { gatewayController } from './gateway-class.ts';
import {
  type Gateway,
  type GatewayClass,
  type GatewayListener,
  gatewayGroup,
  type HttpRoute,
  type ObjectReference,
  type ParentReference,
  type ReferenceGrant,
} from './gateway-kinds.ts';
import { type RankedRule, type RouteProblem, routeRules } from './route-rules.ts';

export interface GatewayWorld extends ServiceWorld {
  readonly classes: readonly GatewayClass[];
  readonly gateways: readonly Gateway[];
  readonly routes: readonly HttpRoute[];
  readonly grants: readonly ReferenceGrant[];
  secret(key: Key): Secret | undefined;
  namespaceLabels(name: string): Labels | undefined;
}

/** A condition without its time: whether it holds, and why. */
export interface Verdict {
  readonly type: string;
  readonly holds: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface ListenerResult {
  readonly listener: GatewayListener;
  readonly supportsRoutes: boolean;
  readonly attached: number;
  readonly verdicts: readonly Verdict[];
  /** Whether it may be served, as far as its own words go. */
  readonly isValid: boolean;
}
export interface GatewayResult {
  readonly gateway: Gateway;
  readonly listeners: readonly ListenerResult[];
}
export interface RouteResult {
  readonly route: HttpRoute;
  /** For each parent that is ours. */
  readonly parents: readonly { readonly parentRef: ParentReference; readonly verdicts: readonly Verdict[] }[];
}
export interface GatewayRoutes {
  readonly listeners: readonly HttpListener[];
  readonly classes: readonly GatewayClass[];
  readonly gateways: readonly GatewayResult[];
  readonly routes: readonly RouteResult[];
}

/** What Gateways and their routes mean for the proxy, and what is to be said of each. Pure. */
export function gatewayRoutes(world: GatewayWorld): GatewayRoutes {
  const classes = world.classes.filter(({ spec }) => spec.controllerName === gatewayController);
  const ours = new Set(classes.map(({ metadata }) => metadata.name));
  const doors = world.gateways
    .filter(({ spec, metadata }) => ours.has(spec.gatewayClassName) && !metadata.deletionTimestamp)
    .sort(byAge)
    .map((gateway) => ({ gateway, listeners: gateway.spec.listeners.map((one) => doorOf(world, gateway, one)) }));
  for (const door of doors) settleConflicts(door.listeners);
  const routes = world.routes
    .filter(({ metadata }) => !metadata.deletionTimestamp)
    .sort(byAge)
    .map((route) => attached(world, route, doors));
  return {
    listeners: doors.flatMap(({ listeners }) => listeners.filter(isServed).map(served)),
    classes,
    gateways: doors.map(({ gateway, listeners }) => ({ gateway, listeners: listeners.map(resultOf) })),
    routes: routes.filter(({ parents }) => parents.length > 0),
  };
}

/** One listener while routes are being attached to it. */
interface Door {
  readonly gateway: Gateway;
  readonly listener: GatewayListener;
  readonly certificates: readonly HttpCertificate[];
  readonly takesRoutes: boolean;
  readonly refused: { accepted?: Verdict; resolved?: Verdict; conflicted?: Verdict };
  readonly rules: Map<string, (RankedRule & { readonly order: number })[]>;
  attached: number;
}
interface Doors {
  readonly gateway: Gateway;
  readonly listeners: readonly Door[];
}

const hostOf = ({ hostname }: GatewayListener): string => (hostname ?? '').toLowerCase();

function doorOf(world: GatewayWorld, gateway: Gateway, listener: GatewayListener): Door {
  const refused: Door['refused'] = {};
  const isHttp = listener.protocol === 'HTTP' || listener.protocol === 'HTTPS';
  const secure = listener.protocol === 'HTTPS';
  if (!isHttp || (secure && listener.tls?.mode === 'Passthrough')) {
    const what = isHttp ? 'passing TLS through' : `the protocol ${listener.protocol}`;
    refused.accepted = no('Accepted', 'UnsupportedProtocol', `${what} is not served here: HTTP and HTTPS are`);
  }
  const kinds = listener.allowedRoutes?.kinds ?? [];
  const known = kinds.filter(({ group, kind }) => (group ?? gatewayGroup) === gatewayGroup && kind === 'HTTPRoute');
  if (known.length < kinds.length) {
    refused.resolved = no('ResolvedRefs', 'InvalidRouteKinds', 'only HTTPRoute can be attached here');
  }
  const certificates = secure && !refused.accepted ? certificatesOf(world, gateway, listener, refused) : [];
  const takesRoutes = isHttp && (kinds.length === 0 || known.length > 0);
  return { gateway, listener, certificates, takesRoutes, refused, rules: new Map(), attached: 0 };
}

function certificatesOf(
  world: GatewayWorld,
  gateway: Gateway,
  listener: GatewayListener,
  refused: Door['refused'],
): readonly HttpCertificate[] {
  const refs = listener.tls?.certificateRefs ?? [];
  const from = { group: gatewayGroup, kind: 'Gateway', namespace: gateway.metadata.namespace ?? '' };
  const refuse = (reason: string, message: string): readonly [] => {
    refused.resolved = no('ResolvedRefs', reason, message);
    return [];
  };
  if (refs.length === 0) return refuse('InvalidCertificateRef', 'HTTPS needs a certificate: tls.certificateRefs');
  return refs.flatMap((ref) => {
    const { group = '', kind = 'Secret', name, namespace = from.namespace } = ref;
    if (group !== '' || kind !== 'Secret') {
      return refuse('InvalidCertificateRef', `a certificate must be a Secret, not a ${kind}`);
    }
    if (!isGranted(world.grants, from, { group, kind, namespace, name })) {
      return refuse('RefNotPermitted', `no ReferenceGrant lets this Gateway use Secret ${namespace}/${name}`);
    }
    const found = certificateOf(world.secret({ namespace, name }), `${namespace}/${name}`);
    if ('problem' in found) return refuse('InvalidCertificateRef', found.problem);
    return [{ hosts: [hostOf(listener)], ...found }];
  });
}

/** Of listeners that want the same, none is served: nobody could say which of them was meant. */
function settleConflicts(doors: readonly Door[]): void {
  for (const door of doors) {
    const { port, protocol } = door.listener;
    const others = doors.filter((other) => other !== door && other.listener.port === port);
    const differs = others.find(({ listener }) => listener.protocol !== protocol);
    const same = others.find(({ listener }) => hostOf(listener) === hostOf(door.listener));
    const other = differs ?? same;
    if (!other) continue;
    const reason = differs ? 'ProtocolConflict' : 'HostnameConflict';
    const message = `the listener ${other.listener.name} has ${differs ? 'another protocol at' : 'the same name at'} port ${port}`;
    door.refused.conflicted = { type: 'Conflicted', holds: true, reason, message };
    door.refused.accepted ??= no('Accepted', reason, message);
  }
}

const isServed = ({ refused, listener, certificates }: Door): boolean =>
  !refused.accepted && (listener.protocol !== 'HTTPS' || certificates.length > 0);

function resultOf(door: Door): ListenerResult {
  const { refused, listener } = door;
  const resolved = refused.resolved ?? yes('ResolvedRefs', 'ResolvedRefs');
  const conflicted = refused.conflicted ?? no('Conflicted', 'NoConflicts', '');
  return {
    listener,
    supportsRoutes: door.takesRoutes,
    attached: door.attached,
    verdicts: [refused.accepted ?? yes('Accepted', 'Accepted'), resolved, conflicted],
    isValid: isServed(door),
  };
}

function attached(world: GatewayWorld, route: HttpRoute, doors: readonly Doors[]): RouteResult {
  const problems: RouteProblem[] = [];
  const mayRefer = (one: HttpRoute, to: Parameters<typeof isGranted>[2]): boolean =>
    isGranted(world.grants, { group: gatewayGroup, kind: 'HTTPRoute', namespace: one.metadata.namespace ?? '' }, to);
  const rules = routeRules({ ...world, mayRefer }, route, problems);
  const invalid = problems.find(({ of }) => of === 'Accepted');
  const unresolved = problems.find(({ of }) => of === 'ResolvedRefs');
  const resolved = unresolved
    ? no('ResolvedRefs', unresolved.reason, unresolved.message)
    : yes('ResolvedRefs', 'ResolvedRefs');
  const parents = (route.spec.parentRefs ?? []).flatMap((parentRef) => {
    const door = doors.find(({ gateway }) => isParent(route, parentRef, gateway));
    if (!door) return [];
    const found = matching(world, route, parentRef, door.listeners);
    if ('reason' in found) return [{ parentRef, verdicts: [found, resolved] }];
    for (const { door: one, hosts } of found.places) attach(one, hosts, rules);
    const accepted = invalid ? no('Accepted', invalid.reason, invalid.message) : yes('Accepted', 'Accepted');
    return [{ parentRef, verdicts: [accepted, resolved] }];
  });
  return { route, parents };
}

function isParent(route: HttpRoute, ref: ParentReference, { metadata }: Gateway): boolean {
  if ((ref.group ?? gatewayGroup) !== gatewayGroup || (ref.kind ?? 'Gateway') !== 'Gateway') return false;
  const namespace = ref.namespace ?? route.metadata.namespace;
  return ref.name === metadata.name && namespace === metadata.namespace;
}

/** The listeners that a route may be attached to, with the names that both have; or why there is none. */
function matching(
  world: GatewayWorld,
  route: HttpRoute,
  { sectionName, port }: ParentReference,
  doors: readonly Door[],
): { readonly places: readonly { readonly door: Door; readonly hosts: readonly string[] }[] } | Verdict {
  const meant = doors.filter(
    ({ listener }) =>
      (sectionName === undefined || listener.name === sectionName) && (port === undefined || listener.port === port),
  );
  if (meant.length === 0) return no('Accepted', 'NoMatchingParent', 'the Gateway has no such listener');
  const allowing = meant.filter((door) => door.takesRoutes && allows(world, door, route));
  if (allowing.length === 0) {
    return no('Accepted', 'NotAllowedByListeners', 'no listener takes routes of this kind and namespace');
  }
  const places = allowing
    .map((door) => ({ door, hosts: commonHosts(hostOf(door.listener), route.spec.hostnames ?? []) }))
    .filter(({ hosts }) => hosts.length > 0);
  if (places.length > 0) return { places };
  return no('Accepted', 'NoMatchingListenerHostname', 'no listener has any of the names of this route');
}

function allows(world: GatewayWorld, { listener, gateway }: Door, { metadata }: HttpRoute): boolean {
  const { from = 'Same', selector } = listener.allowedRoutes?.namespaces ?? {};
  if (from === 'All') return true;
  if (from === 'Same') return metadata.namespace === gateway.metadata.namespace;
  const labels = world.namespaceLabels(metadata.namespace ?? '');
  return from === 'Selector' && selector !== undefined && labels !== undefined && matcherOf(selector)(labels);
}

/** The names that a listener and a route have in common; of two stars, the longer. */
export function commonHosts(listener: string, hostnames: readonly string[]): readonly string[] {
  if (hostnames.length === 0) return [listener];
  return hostnames.flatMap((given) => {
    const host = given.toLowerCase();
    if (listener === '' || host === listener || covers(listener, host)) return [host];
    return covers(host, listener) ? [listener] : [];
  });
}

const covers = (star: string, host: string): boolean =>
  star.startsWith('*.') && host.endsWith(star.slice(1)) && host.length > star.length - 1 && host !== star;

function attach(door: Door, hosts: readonly string[], rules: readonly RankedRule[]): void {
  door.attached++;
  for (const host of new Set(hosts)) {
    const known = door.rules.get(host) ?? [];
    // Routes come by age and rules in their order: who was there first stays first among equals.
    for (const rule of rules) known.push({ ...rule, order: known.length });
    door.rules.set(host, known);
  }
}

function served({ listener, rules, certificates }: Door): HttpListener {
  const hosts: readonly HttpHost[] = [...rules].map(([host, list]) => ({ host, star: 'many', rules: sorted(list) }));
  const site = { host: hostOf(listener), star: 'many' as const, hosts };
  return { port: listener.port, tls: listener.protocol === 'HTTPS', sites: [site], certificates };
}

function sorted(rules: readonly (RankedRule & { readonly order: number })[]): readonly HttpRule[] {
  const compared = (a: readonly number[], b: readonly number[]): number => {
    const at = a.findIndex((value, index) => value !== b[index]);
    return at < 0 ? 0 : (b[at] ?? 0) - (a[at] ?? 0);
  };
  return rules.toSorted((a, b) => compared(a.rank, b.rank) || a.order - b.order).map(({ rule }) => rule);
}

/** Whether an object may name another: in its own namespace always, elsewhere where a grant there says so. */
function isGranted(
  grants: readonly ReferenceGrant[],
  from: { readonly group: string; readonly kind: string; readonly namespace: string },
  to: { readonly group: string; readonly kind: string } & ObjectReference,
): boolean {
  if (to.namespace === undefined || to.namespace === from.namespace) return true;
  return grants.some(({ metadata, spec }) => {
    if (metadata.namespace !== to.namespace) return false;
    const isFrom = spec.from.some(
      ({ group, kind, namespace }) => group === from.group && kind === from.kind && namespace === from.namespace,
    );
    return (
      isFrom &&
      spec.to.some(({ group, kind, name }) => group === to.group && kind === to.kind && (!name || name === to.name))
    );
  });
}

const yes = (type: string, reason: string): Verdict => ({ type, holds: true, reason, message: '' });
const no = (type: string, reason: string, message: string): Verdict => ({ type, holds: false, reason, message });
