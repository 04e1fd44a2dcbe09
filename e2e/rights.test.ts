import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { kubectl } from '../tools/clients.ts';
import { finished, kubectlOf, TestCluster, until } from './cluster.ts';

const client = await kubectl('1.36');
const skip = 'missing' in client ? client.missing : false;

describe('who may do what, from outside', { skip }, () => {
  const program = 'path' in client ? client.path : '';
  const cluster = new TestCluster();
  after(() => cluster.clear());
  const kubectl = kubectlOf(program, cluster);
  const asAdmin = (...words: string[]) => kubectl.run(words);
  const does = (...words: string[]) => kubectl.does(words);
  /** With a token and nothing else: the administrator's certificate is not brought along. */
  const withToken = (token: string, ...words: string[]) => {
    const empty = join(cluster.folder, 'nobody');
    writeFileSync(empty, '');
    const where = ['--kubeconfig', empty, '--server', cluster.url, '--insecure-skip-tls-verify', '--token', token];
    return finished(program, [...where, ...words]);
  };
  let token = '';

  test('a token of a ServiceAccount does what its role says, in its namespace, and nothing else', async () => {
    await cluster.start('up', ['--runtime', 'sim']);
    await does('create', 'serviceaccount', 'reader');
    await does('create', 'rolebinding', 'reader', '--clusterrole=view', '--serviceaccount=default:reader');
    token = (await does('create', 'token', 'reader')).trim();
    assert.equal((await withToken(token, 'get', 'configmaps')).code, 0);
    for (const words of [
      ['get', 'secrets'],
      ['get', 'configmaps', '-n', 'kube-system'],
      ['create', 'configmap', 'x'],
    ]) {
      const { code, err } = await withToken(token, ...words);
      assert.equal(code, 1);
      assert.match(err, /is forbidden: User "system:serviceaccount:default:reader" cannot/);
    }
    const who = await withToken(token, 'auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}');
    assert.equal(who.out, 'system:serviceaccount:default:reader');
    assert.equal((await withToken(token, 'auth', 'can-i', 'list', 'pods')).out.trim(), 'yes');
  });

  test('the same is answered for whoever asks about somebody else', async () => {
    const can = async (...words: string[]) => (await asAdmin('auth', 'can-i', ...words)).out.trim().split('\n').at(-1);
    const reader = ['--as', 'system:serviceaccount:default:reader'];
    assert.equal(await can('get', 'pods', ...reader), 'yes');
    assert.equal(await can('get', 'secrets', ...reader), 'no');
    const node = ['--as', 'system:node:node-0', '--as-group', 'system:nodes'];
    assert.equal(
      await can('get', 'nodes', ...node),
      "no - node 'node-0' cannot read all nodes, only its own Node object",
    );
  });

  test('an aggregated role takes what is labelled for it, and a view with more is a view with more', async () => {
    assert.equal((await withToken(token, 'get', 'nodes')).code, 1);
    await does('create', 'clusterrole', 'more', '--verb=list', '--resource=secrets');
    await does('label', 'clusterrole', 'more', 'rbac.authorization.k8s.io/aggregate-to-view=true');
    await until('secrets in the role view', 5_000, async () => (await withToken(token, 'get', 'secrets')).code === 0);
    await does('delete', 'clusterrole', 'more');
    await until('end of that', 5_000, async () => (await withToken(token, 'get', 'secrets')).code === 1);
  });

  test('a token ends with its account, and a wrong one never begins', async () => {
    assert.match((await withToken(`${token}x`, 'get', 'configmaps')).err, /Unauthorized|must be logged in/);
    await does('delete', 'serviceaccount', 'reader');
    assert.match((await withToken(token, 'get', 'configmaps')).err, /Unauthorized|must be logged in/);
  });
});
