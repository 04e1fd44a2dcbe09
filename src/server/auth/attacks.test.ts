import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin, attackedServer, grant, inA, joe, named, rbac, ref, withJoe } from '../../sim/attacked-server.ts';

/** Joe may write roles and bindings, and read pods: nothing else. */
const withWriter = () => {
  const kinds = ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'];
  const verbs = ['get', 'create', 'update', 'patch', 'delete'];
  return withJoe(grant(verbs, kinds, 'rbac.authorization.k8s.io'), grant(['get', 'list'], ['pods']));
};

test('nobody gives away by a role what he does not hold', async () => {
  const { refused, ask } = await withWriter();
  const user = named('joe');
  const role = (...rules: object[]) => ({ metadata: { name: 'r' }, rules });
  const text = await refused(user, `POST ${inA}/roles`, role(grant(['get'], ['secrets'])));
  assert.match(text, /user "joe" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not/);
  assert.match(text, /\n\{APIGroups:\[""\], Resources:\["secrets"\], Verbs:\["get"\]\}$/);
  await refused(user, `POST ${inA}/roles`, role(grant(['*'], ['pods'])));
  await refused(user, `POST ${inA}/roles`, role(grant(['get'], ['pods/*'])));
  await refused(user, `POST ${rbac}/clusterroles`, role({ verbs: ['get'], nonResourceURLs: ['*'] }));
  assert.equal((await ask(user, `POST ${inA}/roles`, role(grant(['get'], ['pods'])))).status, 201);
  await refused(user, `PUT ${inA}/roles/r`, role(grant(['get', 'delete'], ['pods'])));
});

test('nobody binds a role that gives more than he holds, himself included', async () => {
  const { refused, ask } = await withWriter();
  const binding = (role: string, name: string) => ({
    metadata: { name },
    roleRef: ref('ClusterRole', role),
    subjects: joe,
  });
  await refused(named('joe'), `POST ${inA}/rolebindings`, binding('edit', 'x'));
  await refused(named('joe'), `POST ${rbac}/clusterrolebindings`, binding('cluster-admin', 'x'));
  await refused(named('joe'), `PATCH ${rbac}/clusterrolebindings/cluster-admin`, { subjects: joe });
  assert.equal((await ask(named('joe'), `POST ${inA}/rolebindings`, binding('joe', 'own'))).status, 201);
  assert.equal((await ask(named('joe'), `POST ${inA}/rolebindings`, binding('gone', 'y'))).status, 404);
});

test('nobody collects rights with an aggregated role, or slips rights into one that others are given', async () => {
  const { refused } = await withWriter();
  const metadata = { name: 'x', labels: { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' } };
  await refused(named('joe'), `POST ${rbac}/clusterroles`, { metadata, rules: [grant(['get'], ['nodes'])] });
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { any: 'thing' } }] };
  const text = await refused(named('joe'), `POST ${rbac}/clusterroles`, { metadata: { name: 'y' }, aggregationRule });
  assert.match(text, /must have cluster-admin privileges to use the aggregationRule$/);
});

test('the rights to escalate and to bind are needed by name, and are enough', async () => {
  const { make, ask } = await withWriter();
  await make(`${rbac}/clusterroles`, {
    metadata: { name: 'may' },
    rules: [{ ...grant(['bind'], ['clusterroles'], 'rbac.authorization.k8s.io'), resourceNames: ['view'] }],
  });
  await make(`${rbac}/clusterrolebindings`, {
    metadata: { name: 'may' },
    roleRef: ref('ClusterRole', 'may'),
    subjects: joe,
  });
  const binding = (role: string) => ({ metadata: { name: role }, roleRef: ref('ClusterRole', role), subjects: joe });
  assert.equal((await ask(named('joe'), `POST ${inA}/rolebindings`, binding('view'))).status, 201);
  assert.equal((await ask(named('joe'), `POST ${inA}/rolebindings`, binding('edit'))).status, 403);
});

test('nobody is somebody else without a right for each thing that he says he is', async () => {
  const { refused, make, ask } = await attackedServer();
  const who = 'POST /apis/authentication.k8s.io/v1/selfsubjectreviews';
  await refused(named('joe'), who, {}, { 'impersonate-user': 'jane' });
  await refused(undefined, who, {}, { 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' });
  await make(`${rbac}/clusterroles`, {
    metadata: { name: 'as-jane' },
    rules: [{ ...grant(['impersonate'], ['users']), resourceNames: ['jane'] }],
  });
  await make(`${rbac}/clusterrolebindings`, {
    metadata: { name: 'as-jane' },
    roleRef: ref('ClusterRole', 'as-jane'),
    subjects: joe,
  });
  assert.equal((await ask(named('joe'), who, {}, { 'impersonate-user': 'jane' })).status, 201);
  for (const more of [
    { 'impersonate-group': 'system:masters' },
    { 'impersonate-group': 'dev, system:masters' },
    { 'impersonate-uid': '1' },
    { 'impersonate-extra-scopes': 'all' },
    { 'impersonate-extra-__proto__': 'x' },
  ]) {
    await refused(named('joe'), who, {}, { 'impersonate-user': 'jane', ...more });
  }
  assert.equal((await ask(named('joe'), who, {}, { 'impersonate-group': 'dev' })).status, 400);
});

test('a node reads what its own pods need, and nothing of another node', async () => {
  const { make, ask, refused } = await attackedServer();
  const node = named('system:node:one', 'system:nodes');
  for (const name of ['mine', 'theirs']) {
    await make('/api/v1/namespaces/a/secrets', { metadata: { name } });
    await make('/api/v1/namespaces/a/pods', {
      metadata: { name },
      spec: {
        nodeName: name === 'mine' ? 'one' : 'two',
        containers: [{ name: 'c', image: 'x', envFrom: [{ secretRef: { name } }] }],
      },
    });
  }
  assert.equal((await ask(node, 'GET /api/v1/namespaces/a/secrets/mine')).status, 200);
  assert.match(await refused(node, 'GET /api/v1/namespaces/a/secrets/theirs'), /no relationship found between node/);
  await refused(node, 'GET /api/v1/namespaces/a/secrets');
  await refused(node, 'GET /api/v1/namespaces/a/secrets?fieldSelector=metadata.name=theirs');
  await refused(node, 'GET /api/v1/secrets');
  await refused(node, 'DELETE /api/v1/namespaces/a/secrets/mine');
  await refused(node, 'GET /api/v1/nodes/two');
  await refused(node, 'GET /api/v1/pods');
  assert.equal((await ask(node, 'GET /api/v1/pods?fieldSelector=spec.nodeName=one')).status, 200);
  await refused(node, 'GET /api/v1/pods?fieldSelector=spec.nodeName=two');
  await refused(node, 'GET /api/v1/pods?fieldSelector=spec.nodeName!=one');
  // The pod has gone, and with it the node's reason to read its secret.
  assert.equal((await ask(admin, 'DELETE /api/v1/namespaces/a/pods/mine', { gracePeriodSeconds: 0 })).status, 200);
  await refused(node, 'GET /api/v1/namespaces/a/secrets/mine');
});

test('a stolen node neither calls pods to itself, nor makes pods that need anything, nor asks tokens for others', async () => {
  const { make, refused, ask } = await attackedServer();
  const node = named('system:node:one', 'system:nodes');
  for (const name of ['one', 'two']) await make('/api/v1/nodes', { metadata: { name } });
  const label = { metadata: { labels: { 'node-restriction.kubernetes.io/team': 'x' } } };
  assert.match(await refused(node, 'PATCH /api/v1/nodes/one', label), /is not allowed to modify labels/);
  await refused(node, 'PATCH /api/v1/nodes/one', { spec: { taints: [{ key: 'k', effect: 'NoExecute' }] } });
  await refused(node, 'PATCH /api/v1/nodes/two', { metadata: { annotations: { a: 'b' } } });
  await refused(node, 'POST /api/v1/nodes', { metadata: { name: 'three' } });
  const pod = (nodeName: string, more: object = {}) => ({
    metadata: { name: 'p' },
    spec: { nodeName, containers: [{ name: 'c', image: 'x' }], ...more },
  });
  assert.match(await refused(node, 'POST /api/v1/namespaces/a/pods', pod('one')), /can only create mirror pods/);
  await make('/api/v1/namespaces/a/pods', pod('two', { serviceAccountName: 'builder' }));
  await make('/api/v1/namespaces/a/serviceaccounts', { metadata: { name: 'builder' } });
  await refused(node, 'DELETE /api/v1/namespaces/a/pods/p');
  await refused(node, 'PATCH /api/v1/namespaces/a/pods/p/status', { status: { phase: 'Failed' } });
  const token = { spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p' } } };
  await refused(node, 'POST /api/v1/namespaces/a/serviceaccounts/builder/token', token);
  assert.equal((await ask(node, 'PATCH /api/v1/nodes/one', { metadata: { annotations: { a: 'b' } } })).status, 200);
});

test('the group of nodes is nothing without the name of a node, and the name nothing without the group', async () => {
  const { refused } = await attackedServer();
  await refused(named('joe', 'system:nodes'), 'GET /api/v1/services');
  await refused(named('system:node:one'), 'GET /api/v1/services');
  await refused(named('system:node:', 'system:nodes'), 'GET /api/v1/services');
});

test('a path cannot be written so that its right is another one than the one that is asked for', async () => {
  const { make, ask, refused } = await attackedServer();
  await make(`${rbac}/clusterroles`, {
    metadata: { name: 'one' },
    rules: [
      { ...grant(['get'], ['secrets']), resourceNames: ['one'] },
      { verbs: ['get'], nonResourceURLs: ['/api/*'] },
    ],
  });
  await make(`${inA}/rolebindings`, { metadata: { name: 'one' }, roleRef: ref('ClusterRole', 'one'), subjects: joe });
  await make('/api/v1/namespaces/a/secrets', { metadata: { name: 'two' } });
  const secrets = '/api/v1/namespaces/a/secrets';
  for (const path of [
    `${secrets}/two`,
    `${secrets}/%74wo`,
    `${secrets}//two`,
    `/${secrets}/two`,
    `${secrets}/one/../two`,
    `${secrets}/one%2f..%2ftwo`,
    `${secrets}/two/`,
    `${secrets}/one/two`,
    '/api/v1/namespaces/b%2f..%2fa/secrets/two',
    '/api//v1/namespaces/a/secrets/two',
    '/api/v1/secrets',
    '/api/v1/watch/secrets',
  ]) {
    const { status } = await ask(named('joe'), `GET ${path}`);
    assert.ok(status === 403 || status === 404 || status === 400, `${path}: ${status}`);
  }
  await refused(named('joe'), `GET ${secrets}?fieldSelector=metadata.name=two`);
  // To get an object is not to watch it.
  for (const word of ['1', 'true', 'TRUE', 'yes', '']) await refused(named('joe'), `GET ${secrets}/one?watch=${word}`);
});

test('strangers may ask for the version and for health, and for nothing else', async () => {
  const { ask, refused } = await attackedServer();
  for (const path of ['/version', '/healthz', '/livez', '/readyz']) {
    assert.equal((await ask(undefined, `GET ${path}`)).status, 200, path);
  }
  for (const path of ['/', '/api', '/apis', '/metrics', '/openapi/v2', '/mini-k8s/backup', '/api/v1/pods']) {
    await refused(undefined, `GET ${path}`);
  }
  const headers = { authorization: 'Bearer guess' };
  assert.equal((await ask(undefined, 'GET /version', undefined, headers)).status, 401);
});

test('a bootstrap token lets in until it expires, with its own groups only', async () => {
  const { make, ask, clock } = await attackedServer();
  const text = (value: string) => Buffer.from(value).toString('base64');
  const secret = (id: string, data: Readonly<Record<string, string>>) => ({
    metadata: { name: `bootstrap-token-${id}` },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(
      Object.entries({
        'token-id': id,
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-authentication': 'true',
        ...data,
      }).map(([key, value]) => [key, text(value)]),
    ),
  });
  const system = '/api/v1/namespaces/kube-system/secrets';
  const expiration = new Date(clock.now() + 60_000).toISOString();
  await make(system, secret('aaaaaa', { expiration }));
  await make(system, secret('bbbbbb', { 'auth-extra-groups': 'system:masters' }));
  await make(system, secret('cccccc', { 'usage-bootstrap-authentication': 'false' }));
  const who = async (id: string) =>
    (
      await ask(
        undefined,
        'POST /apis/authentication.k8s.io/v1/selfsubjectreviews',
        {},
        { authorization: `Bearer ${id}.0123456789abcdef` },
      )
    ).status;
  assert.deepEqual([await who('aaaaaa'), await who('bbbbbb'), await who('cccccc')], [201, 401, 401]);
  await clock.run(61_000, () => Promise.resolve());
  assert.equal(await who('aaaaaa'), 401);
});
