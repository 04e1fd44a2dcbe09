import { type Kind, type KindFacts, makeKind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/object.ts';
import type { LabelSelector } from '../../api/selector.ts';

export const gatewayGroup = 'gateway.networking.k8s.io';

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime?: string;
}

export interface ObjectReference {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
}
export interface BackendReference extends ObjectReference {
  readonly port?: number;
  readonly weight?: number;
  readonly filters?: readonly RouteFilter[];
}
export interface ParentReference extends ObjectReference {
  readonly sectionName?: string;
  readonly port?: number;
}

export interface GatewayClass
  extends KubeObject<{ readonly controllerName: string }, { readonly conditions?: readonly Condition[] }> {
  readonly spec: { readonly controllerName: string };
}

export interface GatewayListener {
  readonly name: string;
  readonly hostname?: string;
  readonly port: number;
  readonly protocol: string;
  readonly tls?: { readonly mode?: string; readonly certificateRefs?: readonly ObjectReference[] };
  readonly allowedRoutes?: {
    readonly namespaces?: { readonly from?: string; readonly selector?: LabelSelector };
    readonly kinds?: readonly { readonly group?: string; readonly kind: string }[];
  };
}
export interface GatewaySpec {
  readonly gatewayClassName: string;
  readonly listeners: readonly GatewayListener[];
  readonly addresses?: readonly { readonly type?: string; readonly value?: string }[];
}
export interface GatewayStatus {
  readonly addresses?: readonly { readonly type: string; readonly value: string }[];
  readonly conditions?: readonly Condition[];
  readonly listeners?: readonly ListenerStatus[];
}
export interface ListenerStatus {
  readonly name: string;
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
  readonly attachedRoutes: number;
  readonly conditions: readonly Condition[];
}
export interface Gateway extends KubeObject<GatewaySpec, GatewayStatus> {
  readonly spec: GatewaySpec;
}

export interface NamedValue {
  readonly type?: string;
  readonly name: string;
  readonly value: string;
}
export interface RouteMatch {
  readonly path?: { readonly type?: string; readonly value?: string };
  readonly method?: string;
  readonly headers?: readonly NamedValue[];
  readonly queryParams?: readonly NamedValue[];
}
export interface HeaderFilter {
  readonly set?: readonly NamedValue[];
  readonly add?: readonly NamedValue[];
  readonly remove?: readonly string[];
}
export interface PathModifier {
  readonly type: string;
  readonly replaceFullPath?: string;
  readonly replacePrefixMatch?: string;
}
export interface RouteFilter {
  readonly type: string;
  readonly requestHeaderModifier?: HeaderFilter;
  readonly responseHeaderModifier?: HeaderFilter;
  readonly requestRedirect?: {
    readonly scheme?: string;
    readonly hostname?: string;
    readonly port?: number;
    readonly path?: PathModifier;
    readonly statusCode?: number;
  };
  readonly urlRewrite?: { readonly hostname?: string; readonly path?: PathModifier };
  readonly requestMirror?: {
    readonly backendRef: BackendReference;
    readonly percent?: number;
    readonly fraction?: { readonly numerator: number; readonly denominator?: number };
  };
}
export interface RouteRule {
  readonly name?: string;
  readonly matches?: readonly RouteMatch[];
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly BackendReference[];
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
}
export interface ParentStatus {
  readonly parentRef: ParentReference;
  readonly controllerName: string;
  readonly conditions: readonly Condition[];
}
export interface HttpRouteSpec {
  readonly parentRefs?: readonly ParentReference[];
  readonly hostnames?: readonly string[];
  readonly rules?: readonly RouteRule[];
}
export interface HttpRoute extends KubeObject<HttpRouteSpec, { readonly parents?: readonly ParentStatus[] }> {
  readonly spec: HttpRouteSpec;
}

interface GrantSpec {
  readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
  readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
}
export interface ReferenceGrant extends KubeObject<GrantSpec> {
  readonly spec: GrantSpec;
}

const facts = (kind: string, plural: string, namespaced: boolean, version: string): KindFacts => ({
  group: gatewayGroup,
  version,
  kind,
  plural,
  singular: kind.toLowerCase(),
  namespaced,
  verbs: ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'],
  shortNames: [],
  categories: [],
  subresources: [],
});

export const gatewayClasses: Kind<GatewayClass> = makeKind(facts('GatewayClass', 'gatewayclasses', false, 'v1'));
export const gateways: Kind<Gateway> = makeKind(facts('Gateway', 'gateways', true, 'v1'));
export const httpRoutes: Kind<HttpRoute> = makeKind(facts('HTTPRoute', 'httproutes', true, 'v1'));
export const referenceGrants: Kind<ReferenceGrant> = makeKind(
  facts('ReferenceGrant', 'referencegrants', true, 'v1beta1'),
);
