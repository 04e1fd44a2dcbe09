import type { JsonSchema } from '../../api/custom/json-schema.ts';

// The pieces that the definitions of the Gateway API are made of.

const namePattern = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
const labelPattern = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';

export const text = (maxLength: number, more: JsonSchema = {}): JsonSchema => ({
  type: 'string',
  minLength: 1,
  maxLength,
  ...more,
});
export const object = (
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
  more: JsonSchema = {},
): JsonSchema => ({ type: 'object', properties, ...(required.length > 0 ? { required } : {}), ...more });
export const list = (items: JsonSchema, maxItems: number, more: JsonSchema = {}): JsonSchema => ({
  type: 'array',
  items,
  maxItems,
  ...more,
});
export const listBy = (key: string, items: JsonSchema, maxItems: number, more: JsonSchema = {}): JsonSchema =>
  list(items, maxItems, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key], ...more });

export const group: JsonSchema = { type: 'string', maxLength: 253, pattern: `^$|${namePattern}` };
export const kind = text(63, { pattern: '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$' });
export const namespace = text(63, { pattern: labelPattern });
export const objectName = text(253);
export const sectionName = text(253, { pattern: namePattern });
export const portNumber: JsonSchema = { type: 'integer', format: 'int32', minimum: 1, maximum: 65_535 };
export const hostname = text(253, {
  pattern: '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
});
export const preciseHostname = text(253, { pattern: namePattern });
export const headerName = text(256, { pattern: "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$" });
export const duration: JsonSchema = { type: 'string', pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$' };
export const labelSelector = object(
  {
    matchLabels: { type: 'object', additionalProperties: { type: 'string' } },
    matchExpressions: {
      type: 'array',
      items: object(
        {
          key: { type: 'string' },
          operator: { type: 'string' },
          values: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic' },
        },
        ['key', 'operator'],
      ),
      'x-kubernetes-list-type': 'atomic',
    },
  },
  [],
  { 'x-kubernetes-map-type': 'atomic' },
);

const condition = object(
  {
    type: text(316),
    status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
    reason: text(1_024, { pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' }),
    message: { type: 'string', maxLength: 32_768 },
    observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
    lastTransitionTime: { type: 'string', format: 'date-time' },
  },
  ['lastTransitionTime', 'message', 'reason', 'status', 'type'],
);
export const conditions = listBy('type', condition, 8);

export const secretReference = object(
  {
    group: { ...group, default: '' },
    kind: { ...kind, default: 'Secret' },
    name: objectName,
    namespace,
  },
  ['name'],
);
export const parentReference = object(
  {
    group: { ...group, default: 'gateway.networking.k8s.io' },
    kind: { ...kind, default: 'Gateway' },
    name: objectName,
    namespace,
    port: portNumber,
    sectionName,
  },
  ['name'],
);
/** A Service needs a port; what else there may be need not have one. */
const needsPort = {
  rule: "(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true",
  message: 'Must have port for Service reference',
};
const backendFields = {
  group: { ...group, default: '' },
  kind: { ...kind, default: 'Service' },
  name: objectName,
  namespace,
  port: portNumber,
};

const headers = (more: JsonSchema = {}): JsonSchema =>
  listBy('name', object({ name: headerName, value: text(4_096) }, ['name', 'value']), 16, more);
const headerFilter = object({
  set: headers(),
  add: headers(),
  remove: list({ type: 'string' }, 16, { 'x-kubernetes-list-type': 'set' }),
});
const pathModifier = object(
  {
    type: { type: 'string', enum: ['ReplaceFullPath', 'ReplacePrefixMatch'] },
    replaceFullPath: { type: 'string', maxLength: 1_024 },
    replacePrefixMatch: { type: 'string', maxLength: 1_024 },
  },
  ['type'],
  {
    'x-kubernetes-validations': [
      {
        rule: "self.type == 'ReplaceFullPath' ? has(self.replaceFullPath) : true",
        message: "replaceFullPath must be specified when type is set to 'ReplaceFullPath'",
      },
      {
        rule: "has(self.replaceFullPath) ? self.type == 'ReplaceFullPath' : true",
        message: "type must be 'ReplaceFullPath' when replaceFullPath is set",
      },
      {
        rule: "self.type == 'ReplacePrefixMatch' ? has(self.replacePrefixMatch) : true",
        message: "replacePrefixMatch must be specified when type is set to 'ReplacePrefixMatch'",
      },
      {
        rule: "has(self.replacePrefixMatch) ? self.type == 'ReplacePrefixMatch' : true",
        message: "type must be 'ReplacePrefixMatch' when replacePrefixMatch is set",
      },
    ],
  },
);
const percent: JsonSchema = { type: 'integer', format: 'int32', minimum: 0, maximum: 100 };
const fraction = object(
  {
    numerator: { type: 'integer', format: 'int32', minimum: 0 },
    denominator: { type: 'integer', format: 'int32', minimum: 1, default: 100 },
  },
  ['numerator'],
);
const filterFields = {
  requestHeaderModifier: headerFilter,
  responseHeaderModifier: headerFilter,
  requestRedirect: object({
    scheme: { type: 'string', enum: ['http', 'https'] },
    hostname: preciseHostname,
    path: pathModifier,
    port: portNumber,
    statusCode: { type: 'integer', enum: [301, 302, 303, 307, 308], default: 302 },
  }),
  urlRewrite: object({ hostname: preciseHostname, path: pathModifier }),
  requestMirror: object(
    { backendRef: object(backendFields, ['name'], { 'x-kubernetes-validations': [needsPort] }), percent, fraction },
    ['backendRef'],
  ),
  extensionRef: object({ group, kind, name: objectName }, ['group', 'kind', 'name']),
};
const typeOf = (field: string): string => `${field[0]?.toUpperCase()}${field.slice(1)}`.replace('Url', 'URL');
/** Each type has a field of its own, which is there with it and only with it. */
const filterRules = Object.keys(filterFields).flatMap((field) => {
  const type = typeOf(field);
  return [
    {
      rule: `!(has(self.${field}) && self.type != '${type}')`,
      message: `filter.${field} must be nil if the filter.type is not ${type}`,
    },
    {
      rule: `!(!has(self.${field}) && self.type == '${type}')`,
      message: `filter.${field} must be specified for ${type} filter.type`,
    },
  ];
});
const filter = object(
  { type: { type: 'string', enum: Object.keys(filterFields).map(typeOf) }, ...filterFields },
  ['type'],
  {
    'x-kubernetes-validations': filterRules,
  },
);
export const filters = list(filter, 16, { 'x-kubernetes-list-type': 'atomic' });
export const backendReferences = list(
  object(
    {
      ...backendFields,
      weight: { type: 'integer', format: 'int32', minimum: 0, maximum: 1_000_000, default: 1 },
      filters,
    },
    ['name'],
    { 'x-kubernetes-validations': [needsPort] },
  ),
  16,
  { 'x-kubernetes-list-type': 'atomic' },
);

const valueMatch = (name: JsonSchema): JsonSchema =>
  object(
    {
      type: { type: 'string', enum: ['Exact', 'RegularExpression'], default: 'Exact' },
      name,
      value: text(4_096),
    },
    ['name', 'value'],
  );
const pathRules = [
  {
    rule: "(self.type in ['Exact', 'PathPrefix']) ? self.value.startsWith('/') : true",
    message: "value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']",
  },
  ...['//', '/./', '/../', '%2f', '%2F', '#'].map((part) => ({
    rule: `(self.type in ['Exact', 'PathPrefix']) ? !self.value.contains('${part}') : true`,
    message: `must not contain '${part}' when type one of ['Exact', 'PathPrefix']`,
  })),
  ...['/..', '/.'].map((end) => ({
    rule: `(self.type in ['Exact', 'PathPrefix']) ? !self.value.endsWith('${end}') : true`,
    message: `must not end with '${end}' when type one of ['Exact', 'PathPrefix']`,
  })),
];
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];
export const matches = list(
  object({
    path: object(
      {
        type: { type: 'string', enum: ['Exact', 'PathPrefix', 'RegularExpression'], default: 'PathPrefix' },
        value: { type: 'string', maxLength: 1_024, default: '/' },
      },
      [],
      { default: { type: 'PathPrefix', value: '/' }, 'x-kubernetes-validations': pathRules },
    ),
    method: { type: 'string', enum: methods },
    headers: listBy('name', valueMatch(headerName), 16),
    queryParams: listBy('name', valueMatch(headerName), 16),
  }),
  64,
  { 'x-kubernetes-list-type': 'atomic', default: [{ path: { type: 'PathPrefix', value: '/' } }] },
);
