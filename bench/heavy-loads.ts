/** What one user may send that is much work for the server: each the largest of its sort that the limits let in. */
import { randomBytes } from 'node:crypto';
import { encodeProtobuf } from '../src/api/protobuf-encode.ts';
import { type Reply, type ServerUser, samplePod } from './measured-server.ts';

export interface Load {
  readonly atOnce: number;
  run(user: ServerUser): Promise<Reply | undefined>;
}

const podsCount = 10_000;
export const maps = '/api/v1/namespaces/default/configmaps';
const podsPath = '/api/v1/namespaces/default/pods';
const policies = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
const bindings = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings';
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const revisions = '/apis/apps/v1/namespaces/default/controllerrevisions';
export const customs = '/apis/bench.example.com/v1/namespaces/default/heaps';

const map = (name: string, data: object = { k: 'v' }) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels: { load: 'yes' } },
  data,
});
const members = (count: number, value: (n: number) => unknown) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, value(n)]));

let changes = 0;
const manyFields = (count: number) =>
  JSON.stringify(
    map(
      'applied',
      members(count, () => `${changes++}`),
    ),
  );
const longPatch = JSON.stringify(
  Array.from({ length: 10_000 }, (_, n) => ({ op: 'add', path: `/data/key-${n}`, value: `${n}` })),
);
const fullMap = (name: string) =>
  map(
    name,
    members(60_000, () => 'v'.repeat(36)),
  );
const fullBody = JSON.stringify(fullMap('full'));
/** As many different names as a body may have, and more: as many as 2.9 MB hold, nothing behind them. */
const denseBody = (count: number) =>
  JSON.stringify(
    map(
      'dense',
      members(count, () => ''),
    ),
  );
const fullOfNames = denseBody(99_000);
const overfull = denseBody(220_000);
const yamlBody = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: full\ndata:\n${Array.from({ length: 60_000 }, (_, n) => `  k${n}: ${'v'.repeat(36)}\n`).join('')}`;
const celFood = {
  ...map(
    'cel',
    members(1_000, (n) => `${n}`),
  ),
  metadata: { name: 'cel', labels: { load: 'cel' } },
};
const environment = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ name: `V${n}`, value: `${changes++}` }));
const largePod = (name: string, count: number) => {
  const pod = samplePod(name) as { spec: { containers: [object] } };
  return { ...pod, spec: { ...pod.spec, containers: [{ ...pod.spec.containers[0], env: environment(count) }] } };
};
export const heap = (name: string, count: number) => ({
  apiVersion: 'bench.example.com/v1',
  kind: 'Heap',
  metadata: { name },
  spec: { items: Array.from({ length: count }, (_, n) => ({ name: `item-${n}`, size: changes++ % 1000 })) },
});
/** As long as a body may be; as an object can be kept; the same with its owners. */
const membersOf = { body: 60_000, kept: 40_000, owned: 30_000 } as const;
const largeData = (count: number) => members(count, () => `v${changes++}`.padEnd(36));
const deep = (depth: number): unknown => (depth === 0 ? 1 : { a: deep(depth - 1) });
const apply = (path: string) => `${path}?fieldManager=bench&force=true`;
const typed = (type: string) => ({ 'content-type': type });
const json = 'application/json';
const binary = 'application/vnd.kubernetes.protobuf';
const inYaml = { accept: 'application/yaml' };
const applies = typed('application/apply-patch+yaml');
const strategic = typed('application/strategic-merge-patch+json');
const merge = typed('application/merge-patch+json');

export const loads = {
  nothing: { atOnce: 0, run: async () => undefined },
  'a flood of creates, 64 at once': {
    atOnce: 64,
    run: (user) => user.send('POST', maps, { ...map(''), metadata: { generateName: 'flood-' } }),
  },
  'a list of 10,000 pods': { atOnce: 1, run: (user) => user.send('GET', podsPath) },
  'the same, compressed': {
    atOnce: 1,
    run: (user) => user.send('GET', podsPath, undefined, { 'accept-encoding': 'gzip' }),
  },
  'a table of 10,000 pods': {
    atOnce: 1,
    run: (user) => user.send('GET', podsPath, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }),
  },
  'a list of 10,000 pods in protobuf': {
    atOnce: 1,
    run: (user) => user.send('GET', podsPath, undefined, { accept: binary }),
  },
  'a list of 10,000 pods in YAML': {
    atOnce: 1,
    run: (user) => user.send('GET', podsPath, undefined, inYaml),
  },
  'a selection that finds one of 10,000 pods': {
    atOnce: 4,
    run: (user) => user.send('GET', `${podsPath}?labelSelector=app%3Dnone&fieldSelector=spec.nodeName%3Dx`),
  },
  'the first state of a watch of 10,000 pods': {
    atOnce: 1,
    run: (user) => user.send('GET', `${podsPath}?watch=1&timeoutSeconds=1`),
  },
  'a JSON patch of 10,000 operations': {
    atOnce: 1,
    run: (user) => user.send('PATCH', `${maps}/patched`, longPatch, typed('application/json-patch+json')),
  },
  'an apply of 10,000 fields': {
    atOnce: 1,
    run: (user) => user.send('PATCH', apply(`${maps}/applied`), manyFields(10_000), applies),
  },
  'an apply of 60,000 fields': {
    atOnce: 1,
    run: (user) => user.send('PATCH', apply(`${maps}/applied`), manyFields(60_000), applies),
  },
  'a body of 2.9 MB': { atOnce: 1, run: (user) => user.send('POST', `${maps}?dryRun=All`, fullBody) },
  'bytes that are no text': {
    atOnce: 1,
    run: (user) => user.send('POST', `${maps}?dryRun=All`, noText, typed(json)),
  },
  'a body of 99,000 members': { atOnce: 1, run: (user) => user.send('POST', `${maps}?dryRun=All`, fullOfNames) },
  'a body of 220,000 members, refused': {
    atOnce: 1,
    run: (user) => user.send('POST', `${maps}?dryRun=All`, overfull),
  },
  'a body of 2.9 MB of YAML': {
    atOnce: 1,
    run: (user) => user.send('POST', `${maps}?dryRun=All`, yamlBody, typed('application/yaml')),
  },
  'a body of 2.9 MB, answered in YAML': {
    atOnce: 1,
    run: (user) => user.send('POST', `${maps}?dryRun=All`, fullBody, inYaml),
  },
  'a body of 99,000 members, answered in YAML': {
    atOnce: 1,
    run: (user) => user.send('POST', `${maps}?dryRun=All`, fullOfNames, inYaml),
  },
  'a body of 2.9 MB of protobuf, answered so': {
    atOnce: 1,
    run: (user) => user.send('POST', `${maps}?dryRun=All`, binaryBody, { ...typed(binary), accept: binary }),
  },
  'a merge patch of 2.9 MB, refused': {
    atOnce: 1,
    run: (user) => user.send('PATCH', `${customs}/full`, { data: largeData(membersOf.body), free: null }, merge),
  },
  'a merge patch of 1.9 MB': {
    atOnce: 1,
    run: (user) => user.send('PATCH', `${customs}/full`, { data: largeData(membersOf.kept), free: null }, merge),
  },
  'a merge patch of 1.9 MB of any form': {
    atOnce: 1,
    run: (user) => user.send('PATCH', `${customs}/full`, { free: largeData(membersOf.kept), data: null }, merge),
  },
  'a strategic merge patch of 2.9 MB, refused': {
    atOnce: 1,
    run: (user) => user.send('PATCH', `${maps}/applied`, { data: largeData(membersOf.body) }, strategic),
  },
  'an apply of a custom object of 30,000 members': {
    atOnce: 1,
    run: (user) => {
      const body = { ...heap('members', 1), data: largeData(membersOf.owned) };
      return user.send('PATCH', apply(`${customs}/members`), body, applies);
    },
  },
  'a strategic merge patch of a list of 20,000': {
    atOnce: 1,
    run: (user) =>
      user.send(
        'PATCH',
        '/api/v1/namespaces/default/podtemplates/large',
        { template: { spec: { containers: [{ name: 'main', env: environment(20_000) }] } } },
        strategic,
      ),
  },
  'an apply of a list of 12,000': {
    atOnce: 1,
    run: (user) => {
      const { metadata: _any, ...rest } = largePod('x', 12_000) as { metadata: object; spec: object };
      const body = {
        apiVersion: 'v1',
        kind: 'PodTemplate',
        metadata: { name: 'large' },
        template: { spec: rest.spec },
      };
      return user.send('PATCH', apply('/api/v1/namespaces/default/podtemplates/large'), body, applies);
    },
  },
  'a pod of 20,000 variables': {
    atOnce: 1,
    run: (user) => user.send('POST', `${podsPath}?dryRun=All`, largePod('large', 20_000)),
  },
  'a pod of 60,000 ports': {
    atOnce: 1,
    run: (user) => user.send('POST', `${podsPath}?dryRun=All`, podOfPorts),
  },
  'a patch of 100,000 finalizers': {
    atOnce: 1,
    run: (user) => user.send('PATCH', `${maps}/patched?dryRun=All`, finalizers, merge),
  },
  'a custom object of 40,000 items with a rule': {
    atOnce: 1,
    run: (user) => user.send('POST', `${customs}?dryRun=All`, heap('full', 40_000)),
  },
  'an apply of a custom object of 20,000 items': {
    atOnce: 1,
    run: (user) => user.send('PATCH', apply(`${customs}/applied`), heap('applied', 20_000), applies),
  },
  'a secret of 1 MB': {
    atOnce: 1,
    run: (user) =>
      user.send('PUT', '/api/v1/namespaces/default/secrets/large', {
        metadata: { name: 'large' },
        data: members(10_000, () => btoa(`v${changes++}`.padEnd(60))),
      }),
  },
  'a body of 900 levels': {
    atOnce: 1,
    run: (user) => user.send('POST', `${customs}?dryRun=All`, { ...heap('deep', 1), free: deep(900) }),
  },
  'a body of 99,000 labels': {
    atOnce: 1,
    run: (user) =>
      user.send('POST', `${maps}?dryRun=All`, { metadata: { name: 'x', labels: members(99_000, () => '-x') } }),
  },
  'a body of 99,000 fields that nobody knows': {
    atOnce: 1,
    run: (user) => user.send('POST', `${maps}?dryRun=All`, { ...map('x'), ...members(99_000, () => 'x') }),
  },
  'a list of 350,000 short texts': { atOnce: 1, run: (user) => user.send('POST', `${customs}?dryRun=All`, shortTexts) },
  'a list of 900,000 lists': { atOnce: 1, run: (user) => user.send('POST', `${customs}?dryRun=All`, emptyLists) },
  'JSON of 2.9 MB inside of protobuf': {
    atOnce: 1,
    run: (user) => user.send('POST', `${revisions}?dryRun=All`, binaryRevision, typed(binary)),
  },
  'a change of an object of 1.9 MB': {
    atOnce: 1,
    run: (user) => user.send('PATCH', `${customs}/watched`, { data: { k1: `${changes++}` } }, merge),
  },
  'CEL at its limit': { atOnce: 1, run: (user) => user.send('POST', `${maps}?dryRun=All`, celFood) },
} as const satisfies Record<string, Load>;
export type LoadName = keyof typeof loads;

const noText = randomBytes(2_900_000);
const binaryBody = encodeProtobuf(fullMap('full') as never);
const binaryRevision = encodeProtobuf({
  apiVersion: 'apps/v1',
  kind: 'ControllerRevision',
  metadata: { name: 'x' },
  revision: 1,
  data: members(60_000, () => 'v'.repeat(36)),
} as never);
const portsPod = samplePod('ports') as { spec: { containers: [object] } };
const ports = Array.from({ length: 60_000 }, (_, n) => ({ containerPort: n + 1 }));
const podOfPorts = JSON.stringify({
  ...portsPod,
  spec: { ...portsPod.spec, containers: [{ ...portsPod.spec.containers[0], ports }] },
});
const finalizers = JSON.stringify({
  metadata: { finalizers: Array.from({ length: 100_000 }, (_, n) => `example.com/${n}`) },
});
const freeForm = (free: unknown) => JSON.stringify({ ...heap('free', 1), free: { list: free } });
const shortTexts = freeForm(Array.from({ length: 350_000 }, (_, n) => n.toString(36).padStart(5, 'x')));
const emptyLists = freeForm(Array.from({ length: 900_000 }, () => []));

/** What is there when the loads begin. */
export async function prepare(user: ServerUser): Promise<void> {
  const made = (path: string, body: object) => user.sendAll(1, 1, () => user.send('POST', path, body));
  await made('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  for (const name of ['small', 'patched', 'applied']) await made(maps, map(name));
  await made('/api/v1/namespaces/default/secrets', { metadata: { name: 'large' } });
  const template = { spec: { containers: [{ name: 'main', image: 'x' }] } };
  await made('/api/v1/namespaces/default/podtemplates', { metadata: { name: 'large' }, template });
  await made(definitions, definition);
  await user.sendAll(3, 1, (n) => user.send('POST', customs, heap(['full', 'watched', 'applied'][n] as string, 1)));
  const data = largeData(membersOf.kept);
  await user.sendAll(1, 1, () => user.send('PATCH', `${customs}/watched`, { data }, merge));
  await user.sendAll(podsCount, 32, (n) => user.send('POST', podsPath, samplePod(`pod-${n}`)));
  // Each key against each key against each key: more than any budget.
  const expression = 'object.data.all(a, object.data.all(b, object.data.all(c, a + b != c)))';
  const rules = [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }];
  const spec = {
    failurePolicy: 'Fail',
    matchConstraints: { resourceRules: rules, objectSelector: { matchLabels: { load: 'cel' } } },
    validations: [{ expression }],
  };
  await made(policies, { metadata: { name: 'heavy' }, spec });
  await made(bindings, { metadata: { name: 'heavy' }, spec: { policyName: 'heavy', validationActions: ['Deny'] } });
}

const item = {
  type: 'object',
  properties: { name: { type: 'string', maxLength: 20 }, size: { type: 'integer' } },
  required: ['name'],
};
const items = {
  type: 'array',
  maxItems: 50_000,
  items: { ...item, 'x-kubernetes-validations': [{ rule: 'self.size >= 0' }] },
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['name'],
};
const definition = {
  metadata: { name: 'heaps.bench.example.com' },
  spec: {
    group: 'bench.example.com',
    scope: 'Namespaced',
    names: { plural: 'heaps', singular: 'heap', kind: 'Heap', listKind: 'HeapList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { items } },
              data: { type: 'object', additionalProperties: { type: 'string' } },
              free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
    ],
  },
};
