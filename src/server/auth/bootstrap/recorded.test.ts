import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin, attackedServer, rbac, ref } from '../../../sim/attacked-server.ts';
import { recorded } from './recorded.test-data.ts';

const everybody = 'system:authenticated';
const accounts = 'system:serviceaccounts';
/** Who was asked about. What they are bound to beside what the system binds them to stands below. */
const people: Readonly<Record<string, { readonly user: string; readonly groups: readonly string[] }>> = {
  anonymous: { user: 'system:anonymous', groups: ['system:unauthenticated'] },
  authenticated: { user: 'nobody', groups: [everybody] },
  bootstrappers: { user: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', everybody] },
  masters: { user: 'x', groups: ['system:masters'] },
  'cluster-admin': { user: 'super', groups: [] },
  'cluster-admin-ns': { user: 'here', groups: [] },
  admin: { user: 'namespace-admin', groups: [] },
  edit: { user: 'editor', groups: [] },
  builder: { user: 'system:serviceaccount:a:builder', groups: [accounts, `${accounts}:a`, everybody] },
  view: { user: 'viewer', groups: [] },
  'cluster-view': { user: 'cluster-viewer', groups: [] },
  controllers: { user: 'system:kube-controller-manager', groups: [everybody] },
  scheduler: { user: 'system:kube-scheduler', groups: [everybody] },
  proxy: { user: 'system:kube-proxy', groups: [] },
  dns: { user: 'system:serviceaccount:kube-system:kube-dns', groups: [accounts, `${accounts}:kube-system`] },
  monitoring: { user: 'm', groups: ['system:monitoring'] },
  'no-groups': { user: 'nobody', groups: [] },
  'nodes-group': { user: 'y', groups: ['system:nodes'] },
};
const bound = [
  ['a', 'cluster-admin', { kind: 'User', name: 'here' }],
  ['a', 'admin', { kind: 'User', name: 'namespace-admin' }],
  ['a', 'edit', { kind: 'User', name: 'editor' }],
  ['a', 'edit', { kind: 'ServiceAccount', namespace: 'a', name: 'builder' }],
  ['a', 'view', { kind: 'User', name: 'viewer' }],
  ['', 'cluster-admin', { kind: 'User', name: 'super' }],
  ['', 'view', { kind: 'User', name: 'cluster-viewer' }],
] as const;
const verbs = ['get', 'list', 'create', 'patch', 'delete', 'deletecollection'];

interface Recorded {
  readonly who: string;
  readonly resource: string;
  /** As it is written in the recordings. */
  readonly may: string;
}

function* recordings(): Generator<Recorded> {
  let head = ['', ''];
  for (const line of recorded.trim().split('\n')) {
    const words = line.trim().split(' ');
    if (!line.startsWith(' ')) head = words;
    else for (const resource of words) yield { who: head[0] as string, may: head[1] as string, resource };
  }
}

async function world() {
  const all = await attackedServer();
  for (const [namespace, role, subject] of bound) {
    const at = namespace ? `${rbac}/namespaces/${namespace}/rolebindings` : `${rbac}/clusterrolebindings`;
    const metadata = { name: `${role}-${subject.name}` };
    await all.make(at, { metadata, roleRef: ref('ClusterRole', role), subjects: [subject] });
  }
  const may = async (who: string, resource: string, namespace: string): Promise<string> => {
    const [whole = '', subresource = ''] = resource.split('/');
    const [plural = '', ...group] = whole.split('.');
    const place = { namespace, group: group.join('.'), resource: plural, subresource };
    let letters = '';
    for (const [at, verb] of verbs.entries()) {
      const spec = { ...people[who], resourceAttributes: { ...place, verb } };
      const { body } = await all.ask(admin, 'POST /apis/authorization.k8s.io/v1/subjectaccessreviews', { spec });
      const { allowed } = body['status'] as unknown as { readonly allowed: boolean };
      letters += allowed ? 'glcpdD'[at] : '-';
    }
    return letters;
  };
  return { ...all, may };
}

test('whoever the system knows may do what a real cluster lets him do, and nothing else', async () => {
  const { may } = await world();
  let count = 0;
  const differences: string[] = [];
  for (const { who, resource, may: expected } of recordings()) {
    count += verbs.length;
    const actual = await may(who, resource, 'a');
    if (actual !== expected) differences.push(`${who} on ${resource}: ${actual}, recorded ${expected}`);
  }
  assert.deepEqual(differences, []);
  assert.ok(count > 2_500, `${count} answers`);
});

test('what a role gives in one namespace it gives in no other one', async () => {
  const { may } = await world();
  for (const { who, resource } of recordings()) {
    if (!['cluster-admin-ns', 'admin', 'edit', 'view'].includes(who)) continue;
    assert.equal(await may(who, resource, 'b'), '------', `${who} on ${resource}`);
  }
});
