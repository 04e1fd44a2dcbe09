import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin, attackedServer, grant, inA, joe, named, rbac, ref, withJoe } from '../../sim/attacked-server.ts';
import { ofNode } from './node-request.test-data.ts';

const pods = '/api/v1/namespaces/a/pods';
const user = named('joe');

const pod = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'x' }], ...spec },
});

/** What openssl made of a client named eve in the group system:masters. */
const ofMasters = `-----BEGIN CERTIFICATE REQUEST-----
MIHiMIGJAgEAMCcxFzAVBgNVBAoMDnN5c3RlbTptYXN0ZXJzMQwwCgYDVQQDDANl
dmUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ8bM6W2tmdaKkASn0snk+cHXwd
jdUt8Pp2nR2NniDAgMAerBoZyHboLmJ6lXFljcaBEMBMtVOav6/JjM7DvPWfoAAw
CgYIKoZIzj0EAwIDSAAwRQIgct4tX/KUxxjSAeUWD2k2Ha8+AYsMN7hk8EpCfXm2
7gYCIQDj9DiJRK1HW5Z19mWis36VJ6y08O54hPK/23dyAbfQ3g==
-----END CERTIFICATE REQUEST-----
`;

const requests = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const certificates = (verbs: string[], ...resources: string[]) => grant(verbs, resources, 'certificates.k8s.io');
const asking = (name: string, text: string, signer = 'kubernetes.io/kube-apiserver-client') => ({
  metadata: { name },
  spec: { request: Buffer.from(text).toString('base64'), signerName: signer, usages: ['client auth'] },
});
const approved = {
  status: { conditions: [{ type: 'Approved', status: 'True', reason: 'Mine', message: 'because I say so' }] },
};

test('nobody becomes somebody else by asking for a certificate', async () => {
  const whole = 'certificatesigningrequests';
  const parts = [whole, `${whole}/approval`, `${whole}/status`];
  const { ask, refused } = await withJoe(certificates(['get', 'create', 'update', 'patch'], ...parts));
  assert.match(
    await refused(user, `POST ${requests}`, asking('masters', ofMasters)),
    /use of kubernetes.io\/kube-apiserver-client signer with system:masters group is not allowed$/,
  );
  // Who asks is what the server knows, whatever he says; and he approves nothing in passing.
  const forged = asking('own', ofNode);
  const spec = { ...forged.spec, username: 'system:node:node-a', groups: ['system:masters'], uid: '1' };
  const { status, body } = await ask(user, `POST ${requests}`, { ...forged, spec, ...approved });
  assert.equal(status, 201, JSON.stringify(body));
  const made = body as unknown as { readonly spec: Readonly<Record<string, unknown>>; readonly status: object };
  assert.deepEqual([made.spec['username'], made.spec['groups']], ['joe', ['system:authenticated']]);
  assert.deepEqual(made.status, {});
  const patched = await ask(user, `PATCH ${requests}/own`, approved);
  assert.deepEqual([patched.status, patched.body['status']], [200, {}]);
  // To write the approval is not to approve for this signer, and to write the status not to sign for it.
  assert.match(
    await refused(user, `PATCH ${requests}/own/approval`, approved),
    /user not permitted to approve requests with signerName "kubernetes.io\/kube-apiserver-client"$/,
  );
  const failed = { status: { conditions: [{ type: 'Failed', status: 'True', reason: 'Mine' }] } };
  assert.match(
    await refused(user, `PATCH ${requests}/own/status`, failed),
    /user not permitted to sign requests with signerName/,
  );
});

test('the controller of certificates approves and signs what nodes ask for, and nobody else does', async () => {
  const { ask, make, refused } = await attackedServer();
  const signer = 'kubernetes.io/kube-apiserver-client-kubelet';
  const asked = asking('node-a', ofNode, signer);
  await make(requests, { ...asked, spec: { ...asked.spec, usages: ['client auth', 'digital signature'] } });
  const account = (name: string) => named(`system:serviceaccount:kube-system:${name}`, 'system:serviceaccounts');
  for (const name of ['certificate-manager', 'deployment-controller', 'node-controller']) {
    await refused(account(name), `PATCH ${requests}/node-a/approval`, approved);
  }
  await refused(named('system:node:node-a', 'system:nodes'), `PATCH ${requests}/node-a/approval`, approved);
  const { status, body } = await ask(account('certificate-controller'), `PATCH ${requests}/node-a/approval`, approved);
  assert.equal(status, 200, JSON.stringify(body));
  const failed = { status: { conditions: [...approved.status.conditions, { type: 'Failed', status: 'True' }] } };
  const signed = await ask(account('certificate-controller'), `PATCH ${requests}/node-a/status`, failed);
  assert.equal(signed.status, 200, JSON.stringify(signed.body));
});

test('a right to something is none to a part of it, and one to a part none to the whole', async () => {
  const { ask, make, refused } = await withJoe(
    grant(['get', 'create', 'update', 'patch', 'delete'], ['pods', 'serviceaccounts', 'nodes', 'namespaces']),
    grant(['get', 'update', 'patch'], ['pods/status']),
  );
  await make(pods, pod('web'));
  await make('/api/v1/namespaces/a/serviceaccounts', { metadata: { name: 'builder' } });
  await make('/api/v1/nodes', { metadata: { name: 'one' } });
  for (const words of [
    `GET ${pods}/web/log`,
    `GET ${pods}/web/exec?command=sh`,
    `POST ${pods}/web/exec?command=sh`,
    `POST ${pods}/web/attach`,
    `POST ${pods}/web/portforward`,
    `GET ${pods}/web/proxy/`,
    `GET ${pods}/web/ephemeralcontainers`,
    `GET ${pods}/web/resize`,
    'GET /api/v1/nodes/one/proxy/pods',
  ]) {
    assert.match(await refused(user, words), /User "joe" cannot \w+ resource "\w+\/\w+"/, words);
  }
  await refused(user, `POST ${pods}/web/eviction`, { metadata: { name: 'web' } });
  await refused(user, `POST ${pods}/web/binding`, { target: { kind: 'Node', name: 'one' } });
  await refused(user, 'POST /api/v1/namespaces/a/serviceaccounts/builder/token', { spec: {} });
  await refused(user, 'PUT /api/v1/namespaces/a/finalize', { metadata: { name: 'a' }, spec: { finalizers: [] } });
  // Through the status nobody changes what runs, and through the whole nobody changes the status.
  const image = { spec: { containers: [{ name: 'c', image: 'evil' }] } };
  const written = await ask(user, `PATCH ${pods}/web/status`, { ...image, status: { phase: 'Running' } });
  const { spec, status } = written.body as unknown as { spec: { containers: object[] }; status: { phase: string } };
  assert.equal(written.status, 200);
  assert.equal((spec.containers[0] as { image: string }).image, 'x');
  assert.equal(status.phase, 'Running');
  const whole = await ask(user, `PATCH ${pods}/web`, { status: { phase: 'Failed' } });
  assert.equal((whole.body as unknown as { status: { phase: string } }).status.phase, 'Running');
});

test('an ephemeral container is no way into a pod without the right to it, nor around pod security', async () => {
  const { ask, make, refused } = await withJoe(grant(['get', 'update', 'patch'], ['pods']));
  const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' };
  assert.equal((await ask(admin, 'PATCH /api/v1/namespaces/a', { metadata: { labels } })).status, 200);
  await make(pods, pod('web'));
  const ephemeral = (more: object = {}) => ({
    spec: { ephemeralContainers: [{ name: 'debug', image: 'x', targetContainerName: 'c', ...more }] },
  });
  await refused(user, `PATCH ${pods}/web/ephemeralcontainers`, ephemeral());
  const around = await ask(user, `PATCH ${pods}/web`, ephemeral());
  assert.equal(around.status, 422, JSON.stringify(around.body));
  const privileged = ephemeral({ securityContext: { privileged: true } });
  assert.match(
    await refused(admin, `PATCH ${pods}/web/ephemeralcontainers`, privileged),
    /violates PodSecurity "baseline:latest": privileged/,
  );
  assert.equal((await ask(admin, `PATCH ${pods}/web/ephemeralcontainers`, ephemeral())).status, 200);
});

test('whoever may make bindings of one namespace reaches no other one, and no role of the cluster', async () => {
  const all = await withJoe(grant(['get'], ['pods']));
  const { refused, make, ask } = all;
  await make('/api/v1/namespaces', { metadata: { name: 'b' } });
  await make(`${inA}/rolebindings`, {
    metadata: { name: 'joe' },
    roleRef: ref('ClusterRole', 'admin'),
    subjects: joe,
  });
  const rule = { metadata: { name: 'r' }, rules: [grant(['get'], ['secrets'])] };
  assert.equal((await ask(user, `POST ${inA}/roles`, rule)).status, 201);
  await refused(user, `POST ${rbac}/namespaces/b/roles`, rule);
  await refused(user, `POST ${rbac}/clusterroles`, rule);
  const binding = { metadata: { name: 'x' }, roleRef: ref('ClusterRole', 'view'), subjects: joe };
  await refused(user, `POST ${rbac}/namespaces/b/rolebindings`, binding);
  await refused(user, `POST ${rbac}/clusterrolebindings`, binding);
  // Of another namespace than the path says, it is neither here nor there.
  const elsewhere = { ...rule, metadata: { name: 'y', namespace: 'b' } };
  assert.equal((await ask(user, `POST ${inA}/roles`, elsewhere)).status, 400);
  // A binding keeps its role: to change it would be to give away another one with the same subjects.
  const other = await ask(user, `PATCH ${inA}/rolebindings/joe`, { roleRef: ref('ClusterRole', 'cluster-admin') });
  assert.ok(other.status === 403 || other.status === 422, JSON.stringify(other.body));
});

test('no webhook, added server, endpoint or proxy leads the server to where only it gets', async () => {
  const { ask, make } = await attackedServer();
  const unwanted = async (words: string, object: object | undefined, message: RegExp) => {
    const { status, body } = await ask(admin, words, object);
    assert.ok(status >= 400 && status < 500, `${words}: ${status} ${JSON.stringify(body)}`);
    assert.match(String(body['message']), message);
  };
  const hook = (clientConfig: object) => ({
    metadata: { name: 'h' },
    webhooks: [{ name: 'h.example.com', clientConfig, sideEffects: 'None', admissionReviewVersions: ['v1'] }],
  });
  const hooks = 'POST /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
  await unwanted(hooks, hook({ url: 'http://10.0.0.1/x' }), /'https' is the only allowed URL scheme/);
  await unwanted(hooks, hook({ url: 'file:///etc/passwd' }), /'https' is the only allowed URL scheme/);
  await unwanted(hooks, hook({ url: 'https://me:secret@10.0.0.1/x' }), /user information is not permitted/);
  await unwanted(hooks, hook({ url: 'https://10.0.0.1/x?a=b' }), /query parameters are not permitted/);
  await unwanted(hooks, hook({ service: { namespace: 'a', name: 'x', path: '/../x' } }), /segment\[0\]/);
  for (const ip of ['127.0.0.1', '169.254.169.254', '224.0.0.1']) {
    const slice = { metadata: { name: 's' }, addressType: 'IPv4', ports: [], endpoints: [{ addresses: [ip] }] };
    const slices = 'POST /apis/discovery.k8s.io/v1/namespaces/a/endpointslices';
    await unwanted(slices, slice, /may not be in the (loopback|link-local)/);
    const subsets = [{ addresses: [{ ip }], ports: [{ port: 80 }] }];
    await unwanted('POST /api/v1/namespaces/a/endpoints', { metadata: { name: 's' }, subsets }, /may not be in the/);
  }
  const services = '/api/v1/namespaces/a/services';
  await make(services, { metadata: { name: 'out' }, spec: { type: 'ExternalName', externalName: 'localhost' } });
  for (const path of [
    `${services}/out/proxy/`,
    `${services}/https:out:6443/proxy/api`,
    '/api/v1/nodes/127.0.0.1:6443/proxy/',
    '/api/v1/nodes/https:localhost:6443/proxy/',
    '/api/v1/namespaces/a/pods/127.0.0.1:6443/proxy/',
  ]) {
    const { status } = await ask(admin, `GET ${path}`);
    assert.ok(status === 400 || status === 404 || status === 503, `${path}: ${status}`);
  }
});

test('what leads to services on a node reads what it must, and neither secrets nor anything to write', async () => {
  const { ask, refused } = await attackedServer();
  const network = named('system:mini-k8s:node-network');
  for (const path of [
    '/api/v1/services',
    '/api/v1/pods',
    '/api/v1/namespaces',
    '/api/v1/nodes',
    '/apis/discovery.k8s.io/v1/endpointslices',
    '/apis/networking.k8s.io/v1/networkpolicies',
  ]) {
    assert.equal((await ask(network, `GET ${path}`)).status, 200, path);
    await refused(
      network,
      `DELETE ${path.replace(/(pods|services|endpointslices|networkpolicies)$/, 'namespaces/a/$1')}`,
    );
  }
  for (const words of ['secrets', 'configmaps', 'serviceaccounts']) await refused(network, `GET /api/v1/${words}`);
  await refused(network, `POST ${pods}`, pod('mine'));
  await refused(network, 'PATCH /api/v1/nodes/one/status', { status: {} });
  // An account or a node of such a name is somebody else.
  await refused(named('system:mini-k8s:node-network:x'), 'GET /api/v1/pods');
});
