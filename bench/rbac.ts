/** What authorization costs a request: `node bench/rbac.ts`. The limit is 20 microseconds with 2,000 bindings. */
import type { Caller } from '../src/api/wire.ts';
import type { Json } from '../src/base/json.ts';
import type { ResourceAttributes } from '../src/server/attributes.ts';
import { bootstrapBindings, bootstrapRoles } from '../src/server/auth/bootstrap/policy.ts';
import { Rbac } from '../src/server/auth/rbac.ts';
import { MemoryStore } from '../src/store/memory.ts';

const bindingsCount = 2_000;
const rounds = 200_000;
const limitMicros = 20;
const prefix = '/rbac.authorization.k8s.io';

const store = new MemoryStore();
const put = (key: string, value: object) => store.commit(`${prefix}/${key}`, 0, value as Json);
await Promise.all([
  ...bootstrapRoles().map((role) => put(`${role.namespace ? 'roles' : 'clusterroles'}/${place(role)}`, role)),
  ...bootstrapBindings().map((binding) =>
    put(`${binding.namespace ? 'rolebindings' : 'clusterrolebindings'}/${place(binding)}`, {
      metadata: { name: binding.name, ...(binding.namespace ? { namespace: binding.namespace } : {}) },
      roleRef: { kind: binding.namespace ? 'Role' : 'ClusterRole', name: binding.role },
      subjects: binding.subjects,
    }),
  ),
  ...Array.from({ length: bindingsCount }, (_, n) =>
    put(`rolebindings/ns-${n % 50}/b-${n}`, {
      metadata: { name: `b-${n}`, namespace: `ns-${n % 50}` },
      roleRef: { kind: 'ClusterRole', name: ['view', 'edit', 'admin'][n % 3] },
      subjects: [{ kind: 'ServiceAccount', name: `sa-${n % 400}`, namespace: `ns-${n % 50}` }, group(n)],
    }),
  ),
]);
const rbac = new Rbac(store);
await rbac.ready();

const caller: Caller = {
  name: 'system:serviceaccount:ns-7:sa-7',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:ns-7', 'system:authenticated', 'team-7'],
  extra: {},
};
const asked = { group: '', version: 'v1', resource: 'pods', subresource: '', namespace: 'ns-7', name: 'web' };
let slowest = 0;
measure('allowed', { caller, verb: 'get', ...asked });
measure('refused after every rule', { caller, verb: 'get', ...asked, group: 'none.example.com' });
measure('a stranger, refused', { caller: { name: 'x', groups: [], extra: {} }, verb: 'get', ...asked });
measure('the whole cluster, refused', { caller, verb: 'list', ...asked, namespace: '', name: '' });
if (slowest > limitMicros) {
  console.log(`above the limit of ${limitMicros} microseconds`);
  process.exitCode = 1;
}

function measure(what: string, attributes: ResourceAttributes): void {
  for (let n = 0; n < rounds / 10; n++) void rbac.authorize(attributes);
  const start = performance.now();
  for (let n = 0; n < rounds; n++) void rbac.authorize(attributes);
  const micros = ((performance.now() - start) * 1000) / rounds;
  slowest = Math.max(slowest, micros);
  console.log(`${what}: ${micros.toFixed(2)} microseconds with ${bindingsCount} bindings`);
}

function place({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return namespace ? `${namespace}/${name}` : name;
}
function group(n: number) {
  return { kind: 'Group', name: `team-${n % 100}` };
}
