import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TestCluster, until } from './cluster.ts';

const cluster = new TestCluster();
after(() => cluster.clear());

const operatorToken = 'operator-Gx7pLq2Rk9';
const core = '/api/v1/namespaces/default';
/** What nobody may find anywhere but where he asks for it. Each is used below. */
const secrets: Readonly<Record<string, string>> = {
  password: 'hunter2-Zq8vKw3Tn5',
  'what is no base64': '%%%-Rm4bXc6Jd1',
  'what takes another place': 'replaced-Hf5tYs7Lp3',
  'in an annotation of kubectl': 'applied-Wd9nBv2Qx8',
  'of a registry': 'registry-Vk3mCz8Fj6',
  'of a bootstrap token': 'b7x2k9q4m1t6w3z8',
  'of a variable': 'variable-Nt6rGh4Ss2',
  'a token of nobody': 'nobody-Jp1wEa5Uy7',
  'of the operator': operatorToken,
};
/** Tokens that the cluster makes. */
const made: string[] = [];
const answers: string[] = [];

async function ask(method: string, path: string, body?: object | string, more: Readonly<Record<string, string>> = {}) {
  const headers = { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/json', ...more };
  const options = { method, headers, rejectUnauthorized: false, agent: false as const };
  const text = await new Promise<string>((resolve, reject) => {
    const outgoing = request(new URL(path, cluster.url), options, async (incoming) => {
      const parts = await incoming.toArray().catch(() => []);
      resolve(`${incoming.statusCode} ${Buffer.concat(parts)}`);
    });
    outgoing.on('error', reject);
    outgoing.end(typeof body === 'string' ? body : body && JSON.stringify(body));
  });
  const status = Number(text.slice(0, 3));
  if (status >= 400) answers.push(text);
  return { status, json: () => JSON.parse(text.slice(4)) };
}

const secret = (name: string, more: object) => ({ metadata: { name }, ...more });
const base64 = (text: string) => Buffer.from(text).toString('base64');
const pod = (name: string, container: object) => ({
  metadata: { name },
  spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'host', ...container }] },
});

/** As it is, as Secrets carry it, and as it stands in the middle of something that is carried so. */
function shapesOf(text: string): readonly string[] {
  const shifted = [0, 1, 2].map((shift) => base64('x'.repeat(shift) + text).slice(shift === 0 ? 0 : 4, -4));
  return [text, encodeURIComponent(text), Buffer.from(text).toString('hex'), ...shifted];
}

function assertNowhere(place: string, text: string): void {
  for (const [what, value] of [...Object.entries(secrets), ...made.map((one) => ['a token that was made', one])]) {
    for (const shape of shapesOf(value as string)) {
      const at = text.indexOf(shape);
      assert.ok(at < 0, `${what} stands in ${place}: ${text.slice(Math.max(0, at - 200), at + 100)}`);
    }
  }
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

describe('what is secret stays where it is asked for', () => {
  const audit = join(cluster.folder, 'audit.log');

  before(async () => {
    const tokens = join(cluster.folder, 'tokens.csv');
    writeFileSync(tokens, `${operatorToken},operator,1,"system:masters"\n`, { mode: 0o600 });
    const all = ['--log-level', 'debug', '--audit-log', audit, '--token-auth-file', tokens];
    await cluster.start('up', ['--runtime', 'process', ...all]);
    await until(
      'account of pods',
      5_000,
      async () => (await ask('GET', `${core}/serviceaccounts/default`)).status === 200,
    );
  });

  test('Secrets are written, changed and refused', async () => {
    const { password = '' } = secrets;
    const stringData = { password };
    assert.equal((await ask('POST', `${core}/secrets`, secret('a', { stringData }))).status, 201);
    assert.equal((await ask('POST', `${core}/secrets`, secret('a', { stringData }))).status, 409);
    assert.equal((await ask('POST', `${core}/secrets`, secret('Not A Name', { stringData }))).status, 422);
    const wrong = (data: object, more: object = {}) => ask('POST', `${core}/secrets`, secret('b', { data, ...more }));
    assert.equal((await wrong({ password: secrets['what is no base64'] })).status, 400);
    assert.equal((await wrong({ 'no key': base64(password) })).status, 422);
    assert.equal((await wrong({ password: { is: password } })).status, 400);
    assert.equal((await wrong({ '.dockerconfigjson': base64(password) }, { type: dockerType })).status, 422);
    assert.equal((await wrong({ 'ssh-key': base64(password) }, { type: 'kubernetes.io/ssh-auth' })).status, 422);
    assert.equal((await ask('POST', `${core}/secrets`, `{"data":{"a":"${base64(password)}"`)).status, 400);
    assert.equal(
      (
        await ask('POST', `${core}/secrets?fieldValidation=Strict`, {
          ...secret('b', {}),
          stringData,
          passwords: password,
        })
      ).status,
      400,
    );
    assert.equal((await ask('PUT', `${core}/secrets/a`, secret('a', { type: 'Other', stringData }))).status, 422);
    assert.equal((await ask('PUT', `${core}/secrets/a`, secret('a', { immutable: true, stringData }))).status, 200);
    const other = secrets['what takes another place'] ?? '';
    assert.equal((await ask('PUT', `${core}/secrets/a`, secret('a', { stringData: { password: other } }))).status, 422);
    const patch = (type: string, body: object, query = '') =>
      ask('PATCH', `${core}/secrets/a${query}`, body, { 'content-type': `application/${type}` });
    assert.equal((await patch('merge-patch+json', { stringData: { password: other } })).status, 422);
    const tested = [{ op: 'test', path: '/data/password', value: base64(other) }];
    assert.equal((await patch('json-patch+json', tested)).status, 422);
    const applied = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, stringData: { password: other } };
    assert.ok((await patch('apply-patch+yaml', applied, '?fieldManager=x')).status >= 409);
    const annotation = { 'kubectl.kubernetes.io/last-applied-configuration': secrets['in an annotation of kubectl'] };
    const told = { metadata: { name: 'told', annotations: annotation }, stringData };
    assert.equal((await ask('POST', `${core}/secrets`, told)).status, 201);
    const auths = JSON.stringify({ auths: { 'registry.example': { auth: base64(`me:${secrets['of a registry']}`) } } });
    const login = secret('login', { type: dockerType, stringData: { '.dockerconfigjson': auths } });
    assert.equal((await ask('POST', `${core}/secrets`, login)).status, 201);
  });

  test('tokens are made, shown and refused', async () => {
    const asked = await ask('POST', `${core}/serviceaccounts/default/token`, { spec: {} });
    assert.equal(asked.status, 201);
    made.push(asked.json().status.token);
    const kept = { name: 'kept', annotations: { 'kubernetes.io/service-account.name': 'default' } };
    const type = 'kubernetes.io/service-account-token';
    assert.equal((await ask('POST', `${core}/secrets`, { metadata: kept, type })).status, 201);
    const token = await until('token in its Secret', 5_000, async () => {
      const { data } = (await ask('GET', `${core}/secrets/kept`)).json();
      return data?.token as string | undefined;
    });
    made.push(Buffer.from(token, 'base64').toString());
    for (const one of made) {
      const bearer = { authorization: `Bearer ${one}` };
      assert.equal((await ask('GET', `${core}/secrets`, undefined, bearer)).status, 403);
      const review = { spec: { token: one } };
      assert.equal((await ask('POST', '/apis/authentication.k8s.io/v1/tokenreviews', review)).status, 201);
      const broken = { authorization: `Bearer ${one.slice(0, -3)}` };
      assert.equal((await ask('GET', `${core}/secrets`, undefined, broken)).status, 401);
    }
    const nobody = { authorization: `Bearer ${secrets['a token of nobody']}` };
    assert.equal((await ask('GET', `${core}/secrets`, undefined, nobody)).status, 401);
    const bootstrap = { 'token-id': 'abcdef', 'token-secret': secrets['of a bootstrap token'] };
    const place = '/api/v1/namespaces/kube-system/secrets';
    const data = { ...bootstrap, 'usage-bootstrap-authentication': 'true' };
    const named = secret('bootstrap-token-abcdef', { type: 'bootstrap.kubernetes.io/token', stringData: data });
    assert.equal((await ask('POST', place, named)).status, 201);
    const joining = { authorization: `Bearer abcdef.${secrets['of a bootstrap token']}` };
    assert.equal((await ask('GET', `${core}/secrets`, undefined, joining)).status, 403);
  });

  test('pods are given Secrets, and fail', async () => {
    const env = (key: string) => [{ name: 'A', valueFrom: { secretKeyRef: { name: 'variables', key } } }];
    const stringData = { key: secrets['of a variable'] };
    assert.equal((await ask('POST', `${core}/secrets`, secret('variables', { stringData }))).status, 201);
    const pods = [
      pod('missing', { command: ['true'], env: env('nothing') }),
      pod('none', { command: ['/does/not/exist'], env: env('key') }),
      pod('fails', { command: ['sh', '-c', 'exit 3'], env: env('key') }),
      pod('bad', { command: ['true'], envFrom: [{ secretRef: { name: 'variables' } }], workingDir: '/nowhere' }),
    ];
    for (const one of pods) assert.equal((await ask('POST', `${core}/pods`, one)).status, 201);
    await until('end of those that end', 10_000, async () => {
      const { status } = (await ask('GET', `${core}/pods/fails`)).json();
      return status.phase === 'Failed';
    });
    await until('event about the one that misses a key', 10_000, async () => {
      const { items } = (await ask('GET', `${core}/events`)).json();
      return items.some(({ message }: { readonly message: string }) => message.includes('nothing'));
    });
  });

  test('none stands in a log, an event, an error, a figure or a status', async () => {
    assert.ok(answers.length >= 15);
    for (const answer of answers) assertNowhere('an answer', answer);
    for (const path of ['/events', '/pods', '/nodes', '/configmaps'].map((name) => `/api/v1${name}`))
      assertNowhere(path, JSON.stringify((await ask('GET', path)).json()));
    const figures = await fetchText('/metrics');
    assert.match(figures, /apiserver_request_total/);
    assertNowhere('/metrics', figures);
    const written = readFileSync(audit, 'utf8');
    assert.match(written, /"resource":"secrets"/);
    assertNowhere('the audit log', written);
    assert.match(cluster.log, /"message":"request"/);
    assert.match(cluster.log, /"message":"a request was refused"/);
    assertNowhere('the log', cluster.log);
  });

  test('none lies readable in the data folder, but for what pods were given', async () => {
    const data = join(cluster.folder, 'data');
    await cluster.end();
    const files = filesBelow(data).filter((path) => !path.includes('/pods/') && !path.includes('/pki/'));
    assert.ok(files.some((path) => path.includes('store')));
    for (const path of files) assertNowhere(path, readFileSync(path, 'latin1'));
  });
});

const dockerType = 'kubernetes.io/dockerconfigjson';

async function fetchText(path: string): Promise<string> {
  const options = {
    headers: { authorization: `Bearer ${operatorToken}` },
    rejectUnauthorized: false,
    agent: false as const,
  };
  return await new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, cluster.url), options, async (incoming) =>
      resolve(Buffer.concat(await incoming.toArray()).toString()),
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}
