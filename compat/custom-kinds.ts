/**
 * Definitions of custom kinds that say nearly everything a schema can, and objects of them: what a comparison with a
 * running server changes at random beside the recorded bodies.
 */

type Schema = Readonly<Record<string, unknown>>;

const group = 'beside.example.com';
const text = { type: 'string' };
const whole = { type: 'integer' };
const object = (properties: Schema, more: Schema = {}): Schema => ({ type: 'object', properties, ...more });
const list = (items: Schema, more: Schema = {}): Schema => ({ type: 'array', items, ...more });
const map = (values: Schema, more: Schema = {}): Schema => ({ type: 'object', additionalProperties: values, ...more });
const keyed = (...keys: readonly string[]): Schema => ({
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
});
const open = { 'x-kubernetes-preserve-unknown-fields': true };

const plain = object(
  {
    letters: { ...text, minLength: 2, maxLength: 10, pattern: '^[a-z]+$' },
    color: { ...text, enum: ['red', 'blue', 'green'] },
    even: { ...whole, minimum: 1, maximum: 10, multipleOf: 2 },
    short: { ...whole, format: 'int32' },
    long: { ...whole, format: 'int64' },
    share: { type: 'number', exclusiveMinimum: true, minimum: 0, exclusiveMaximum: true, maximum: 1 },
    float: { type: 'number', format: 'float' },
    truth: { type: 'boolean' },
    port: { 'x-kubernetes-int-or-string': true },
    percent: { anyOf: [whole, text], 'x-kubernetes-int-or-string': true, pattern: '^[0-9]+%?$' },
    nothing: { ...text, nullable: true },
    nothingByDefault: { ...text, nullable: true, default: 'x' },
    byDefault: { ...text, default: 'x' },
    partsByDefault: object({ count: { ...whole, default: 3 }, name: text }, { default: {} }),
    few: list(text, { minItems: 1, maxItems: 3 }),
    numbers: list(whole),
    parts: list(object({ name: text, size: whole }, { required: ['name'] })),
    counts: map(whole),
    one: map(text, { minProperties: 1, maxProperties: 2 }),
    named: map(object({ part: text }, { required: ['part'] })),
    any: open,
    half: object({ known: whole }, open),
    embedded: { type: 'object', 'x-kubernetes-embedded-resource': true, ...open },
    both: object({ a: text, b: text }, { required: ['a', 'b'] }),
  },
  { required: ['letters'] },
);

const formatNames = [
  ...['date-time', 'date', 'duration', 'email', 'ipv4', 'ipv6', 'cidr', 'uri', 'uuid', 'uuid4', 'byte', 'password'],
  ...['hostname', 'mac', 'rgbcolor', 'hexcolor', 'isbn', 'creditcard', 'ssn', 'bsonobjectid', 'binary', 'whatever'],
  ...['quantity', 'k8s-short-name', 'k8s-long-name'],
];
const formatted = object(
  Object.fromEntries(formatNames.map((format) => [format.replaceAll('-', ''), { ...text, format }])),
);

const logic = object({
  one: object({ a: text, b: text }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }),
  any: object({ a: whole, b: whole }, { anyOf: [{ required: ['a'] }, { required: ['b'] }] }),
  all: { ...whole, allOf: [{ minimum: 2 }, { maximum: 5 }] },
  not: { ...text, not: { enum: ['bad', 'worse'] } },
  byKey: list(object({ k: text, v: whole }, { required: ['k'], not: { required: ['zzz'] } }), keyed('k')),
  byKeys: list(object({ a: text, p: { ...whole, default: 1 } }, { required: ['a'] }), keyed('a', 'p')),
  set: list(text, { 'x-kubernetes-list-type': 'set' }),
  atomic: list(text, { 'x-kubernetes-list-type': 'atomic' }),
  whole: object({ x: text, y: text }, { 'x-kubernetes-map-type': 'atomic' }),
});

const rules = (...all: readonly Schema[]): Schema => ({ 'x-kubernetes-validations': all });
const ruled = object(
  {
    min: whole,
    max: whole,
    name: {
      ...text,
      maxLength: 20,
      ...rules(
        { rule: "self.startsWith('a')", message: 'starts with a' },
        { rule: 'self == oldSelf', message: 'immutable' },
      ),
    },
    tags: list(
      { ...text, maxLength: 10 },
      {
        maxItems: 5,
        ...rules({ rule: 'self.all(tag, tag.size() > 1)', message: 'short', reason: 'FieldValueForbidden' }),
      },
    ),
    items: list(
      object(
        { k: { ...text, maxLength: 8 }, v: { ...whole, ...rules({ rule: 'self % 2 == 0' }) } },
        { required: ['k'] },
      ),
      { maxItems: 4, ...keyed('k') },
    ),
    either: object(
      { a: text, b: whole },
      rules({ rule: 'has(self.a) || has(self.b)', message: 'a or b', fieldPath: '.a', reason: 'FieldValueRequired' }),
    ),
    growing: {
      ...whole,
      ...rules({ rule: '!oldSelf.hasValue() || self >= oldSelf.value()', optionalOldSelf: true, message: 'grows' }),
    },
    amount: { ...text, maxLength: 20, ...rules({ rule: "quantity(self).isLessThan(quantity('2Gi'))" }) },
    counts: map(whole, { maxProperties: 4, ...rules({ rule: 'self.all(key, self[key] > 0)' }) }),
  },
  rules({ rule: '!has(self.min) || !has(self.max) || self.min <= self.max', message: 'min above max' }),
);

function definition(kind: string, spec: Schema) {
  const plural = `${kind.toLowerCase()}s`;
  const names = { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` };
  const schema = { openAPIV3Schema: object({ spec, status: object({ phase: text }) }) };
  const version = { name: 'v1', served: true, storage: true, schema, subresources: { status: {} } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: { group, scope: 'Namespaced', names, versions: [version] },
  };
}

export const definitionsPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
export const definitions = [
  definition('Plain', plain),
  definition('Formatted', formatted),
  definition('Logic', logic),
  definition('Ruled', ruled),
];

const made = (kind: string, name: string, spec: Schema) => ({
  id: `custom/${kind}/${name}`,
  kind,
  path: `/apis/${group}/v1/namespaces/default/${kind.toLowerCase()}s`,
  body: { apiVersion: `${group}/v1`, kind, metadata: { name, labels: { a: 'b' } }, spec } as Schema,
});

export const customObjects = [
  made('Plain', 'full', {
    ...{ letters: 'abc', color: 'red', even: 4, short: 7, long: 12_345_678_901, share: 0.5, float: 1.25, truth: true },
    ...{ port: '50%', percent: 5, nothing: null, nothingByDefault: null, few: ['a', 'b'], numbers: [1, 2] },
    ...{
      parts: [{ name: 'a', size: 1 }, { name: 'b' }],
      counts: { a: 1 },
      one: { a: 'x' },
      named: { z: { part: '1' } },
    },
    ...{ any: { what: [1, { ever: null }] }, half: { known: 1, other: { deep: true } }, both: { a: '1', b: '2' } },
    embedded: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { a: 'b' } },
  }),
  made('Plain', 'other', { letters: 'zz', port: 3, partsByDefault: { name: 'q' }, any: 5, unknown: 1, half: {} }),
  made('Formatted', 'full', {
    ...{ datetime: '2024-01-02T03:04:05Z', date: '2024-01-02', duration: '1h30m', email: 'a@b.c', ipv4: '10.0.0.1' },
    ...{ ipv6: '::1', cidr: '10.0.0.0/8', uri: 'http://a/b', uuid: '123e4567-e89b-12d3-a456-426614174000' },
    ...{ uuid4: '123e4567-e89b-42d3-a456-426614174000', byte: 'aGVsbG8=', password: 'x', hostname: 'a.b.com' },
    ...{ mac: '00:00:5e:00:53:01', rgbcolor: 'rgb(1,2,3)', hexcolor: '#ffffff', isbn: '978-3-16-148410-0' },
    ...{ creditcard: '4111111111111111', ssn: '123-45-6789', bsonobjectid: '507f1f77bcf86cd799439011', binary: 'x' },
    ...{ whatever: 'y', quantity: '1Gi', k8sshortname: 'abc', k8slongname: 'a.b' },
  }),
  made('Formatted', 'other', { duration: 'P1D', cidr: '2001:db8::/32', hostname: 'localhost', uri: '/rel' }),
  made('Logic', 'full', {
    ...{ one: { a: 'x' }, any: { a: 1, b: 2 }, all: 3, not: 'good', set: ['a', 'b'], atomic: ['z', 'z'] },
    byKey: [
      { k: 'a', v: 1 },
      { k: 'b', v: 2 },
    ],
    byKeys: [
      { a: 'x', p: 1 },
      { a: 'x', p: 2 },
    ],
    whole: { x: '1', y: '2' },
  }),
  made('Logic', 'other', { one: { b: 'x' }, byKey: [{ k: 'c' }], byKeys: [{ a: 'q' }] }),
  made('Ruled', 'full', {
    ...{
      min: 1,
      max: 5,
      name: 'abc',
      tags: ['aa', 'bb'],
      either: { a: '1' },
      growing: 3,
      amount: '1Gi',
      counts: { a: 1 },
    },
    items: [
      { k: 'x', v: 2 },
      { k: 'y', v: 4 },
    ],
  }),
  made('Ruled', 'other', { min: 3, name: 'a', either: { b: 2 }, items: [{ k: 'q' }] }),
];
