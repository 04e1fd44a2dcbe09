import type { CustomDefinition, PrinterColumn } from '../../api/custom/definition.ts';
import type { JsonSchema } from '../../api/custom/json-schema.ts';
import type { Draft } from '../../api/object.ts';
import { gatewayGroup } from './gateway-kinds.ts';
import * as schema from './gateway-schemas.ts';

const { object, list, listBy, text } = schema;

/** The release of the Gateway API that these definitions follow, in its standard channel. */
const bundle = 'v1.4.0';
const annotations = {
  'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/4099',
  'gateway.networking.k8s.io/bundle-version': bundle,
  'gateway.networking.k8s.io/channel': 'standard',
};

interface Described {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly scope: 'Cluster' | 'Namespaced';
  /** The stored one first. */
  readonly versions: readonly string[];
  readonly spec: JsonSchema;
  readonly status?: JsonSchema;
  readonly columns: readonly PrinterColumn[];
}

const age: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
const column = (name: string, jsonPath: string): PrinterColumn => ({ name, type: 'string', jsonPath });

const allowedRoutes = object(
  {
    namespaces: object(
      {
        from: { type: 'string', enum: ['All', 'Selector', 'Same', 'None'], default: 'Same' },
        selector: schema.labelSelector,
      },
      [],
      { default: { from: 'Same' } },
    ),
    kinds: list(object({ group: { ...schema.group, default: gatewayGroup }, kind: schema.kind }, ['kind']), 8, {
      'x-kubernetes-list-type': 'atomic',
    }),
  },
  [],
  { default: { namespaces: { from: 'Same' } } },
);
const listener = object(
  {
    name: schema.sectionName,
    hostname: schema.hostname,
    port: schema.portNumber,
    protocol: text(255, { pattern: '^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|[a-z0-9]([-a-z0-9.]*)/[A-Za-z0-9]+' }),
    tls: object({
      mode: { type: 'string', enum: ['Terminate', 'Passthrough'], default: 'Terminate' },
      certificateRefs: list(schema.secretReference, 64, { 'x-kubernetes-list-type': 'atomic' }),
      options: { type: 'object', additionalProperties: { type: 'string', maxLength: 4_096 }, maxProperties: 16 },
    }),
    allowedRoutes,
  },
  ['name', 'port', 'protocol'],
);
const listenerRules = [
  {
    rule: "self.all(l, l.protocol in ['HTTP', 'TCP', 'UDP'] ? !has(l.tls) : true)",
    message: "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
  },
  {
    rule: "self.all(l, l.protocol in ['TCP', 'UDP'] ? (!has(l.hostname) || l.hostname == '') : true)",
    message: "hostname must not be specified for protocols ['TCP', 'UDP']",
  },
  {
    rule: 'self.all(l1, self.exists_one(l2, l1.name == l2.name))',
    message: 'Listener name must be unique within the Gateway',
  },
];
const addresses = (maxItems: number): JsonSchema =>
  list(object({ type: text(253, { default: 'IPAddress' }), value: text(253) }), maxItems, {
    'x-kubernetes-list-type': 'atomic',
  });
const routeKinds = list(object({ group: schema.group, kind: schema.kind }, ['kind']), 8, {
  'x-kubernetes-list-type': 'atomic',
});

const gatewayClass: Described = {
  kind: 'GatewayClass',
  plural: 'gatewayclasses',
  shortNames: ['gc'],
  scope: 'Cluster',
  versions: ['v1', 'v1beta1'],
  spec: object(
    {
      controllerName: text(253, {
        pattern:
          "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+$",
        'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'Value is immutable' }],
      }),
      description: { type: 'string', maxLength: 64 },
      parametersRef: object(
        { group: schema.group, kind: schema.kind, name: schema.objectName, namespace: schema.namespace },
        ['group', 'kind', 'name'],
      ),
    },
    ['controllerName'],
  ),
  status: object({
    conditions: schema.conditions,
    supportedFeatures: listBy('name', object({ name: { type: 'string' } }, ['name']), 64),
  }),
  columns: [
    column('Controller', '.spec.controllerName'),
    column('Accepted', '.status.conditions[?(@.type=="Accepted")].status'),
    age,
  ],
};

const gateway: Described = {
  kind: 'Gateway',
  plural: 'gateways',
  shortNames: ['gtw'],
  scope: 'Namespaced',
  versions: ['v1', 'v1beta1'],
  spec: object(
    {
      gatewayClassName: schema.objectName,
      listeners: listBy('name', listener, 64, { minItems: 1, 'x-kubernetes-validations': listenerRules }),
      addresses: addresses(16),
      infrastructure: object({
        labels: { type: 'object', additionalProperties: { type: 'string', maxLength: 63 }, maxProperties: 8 },
        annotations: { type: 'object', additionalProperties: { type: 'string', maxLength: 4_096 }, maxProperties: 8 },
        parametersRef: object({ group: schema.group, kind: schema.kind, name: schema.objectName }, [
          'group',
          'kind',
          'name',
        ]),
      }),
    },
    ['gatewayClassName', 'listeners'],
  ),
  status: object({
    addresses: addresses(16),
    conditions: schema.conditions,
    listeners: listBy(
      'name',
      object(
        {
          name: schema.sectionName,
          attachedRoutes: { type: 'integer', format: 'int32' },
          supportedKinds: routeKinds,
          conditions: schema.conditions,
        },
        ['attachedRoutes', 'conditions', 'name'],
      ),
      64,
    ),
  }),
  columns: [
    column('Class', '.spec.gatewayClassName'),
    column('Address', '.status.addresses[*].value'),
    column('Programmed', '.status.conditions[?(@.type=="Programmed")].status'),
    age,
  ],
};

const httpRoute: Described = {
  kind: 'HTTPRoute',
  plural: 'httproutes',
  shortNames: [],
  scope: 'Namespaced',
  versions: ['v1', 'v1beta1'],
  spec: object({
    parentRefs: list(schema.parentReference, 32, { 'x-kubernetes-list-type': 'atomic' }),
    hostnames: list(schema.hostname, 16, { 'x-kubernetes-list-type': 'atomic' }),
    rules: list(
      object({
        name: schema.sectionName,
        matches: schema.matches,
        filters: schema.filters,
        backendRefs: schema.backendReferences,
        timeouts: object({ request: schema.duration, backendRequest: schema.duration }),
      }),
      16,
      {
        'x-kubernetes-list-type': 'atomic',
        default: [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }] }],
      },
    ),
  }),
  status: object({
    parents: list(
      object(
        {
          parentRef: schema.parentReference,
          controllerName: text(253),
          conditions: schema.conditions,
        },
        ['conditions', 'controllerName', 'parentRef'],
      ),
      32,
      { 'x-kubernetes-list-type': 'atomic' },
    ),
  }),
  columns: [column('Hostnames', '.spec.hostnames'), age],
};

const referenceGrant: Described = {
  kind: 'ReferenceGrant',
  plural: 'referencegrants',
  shortNames: ['refgrant'],
  scope: 'Namespaced',
  versions: ['v1beta1'],
  spec: object(
    {
      from: list(
        object({ group: schema.group, kind: schema.kind, namespace: schema.namespace }, ['group', 'kind', 'namespace']),
        16,
        { minItems: 1, 'x-kubernetes-list-type': 'atomic' },
      ),
      to: list(object({ group: schema.group, kind: schema.kind, name: schema.objectName }, ['group', 'kind']), 16, {
        minItems: 1,
        'x-kubernetes-list-type': 'atomic',
      }),
    },
    ['from', 'to'],
  ),
  columns: [age],
};

/** The Gateway API as definitions of the cluster, in the order in which they can be made. */
export const gatewayDefinitions: readonly Draft<CustomDefinition>[] = [
  gatewayClass,
  gateway,
  httpRoute,
  referenceGrant,
].map(definitionOf);

function definitionOf({ kind, plural, shortNames, scope, versions, spec, status, columns }: Described) {
  const root = object(
    {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec,
      ...(status ? { status } : {}),
    },
    ['spec'],
  );
  return {
    metadata: { name: `${plural}.${gatewayGroup}`, annotations },
    spec: {
      group: gatewayGroup,
      scope,
      names: {
        kind,
        plural,
        shortNames,
        listKind: `${kind}List`,
        singular: kind.toLowerCase(),
        categories: ['gateway-api'],
      },
      versions: versions.map((name, index) => ({
        name,
        served: true,
        storage: index === 0,
        schema: { openAPIV3Schema: root },
        ...(status ? { subresources: { status: {} } } : {}),
        additionalPrinterColumns: columns,
      })),
    },
  };
}
