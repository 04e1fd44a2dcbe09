import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { type RequestOptions, request } from 'node:https';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubectl } from '../tools/clients.ts';
import { finished, kubectlOf, miniK8s, Part, processesWith, TestCluster, until } from './cluster.ts';

const client = await kubectl('1.36');
const skip = 'missing' in client ? client.missing : false;

describe('keys of a cluster that runs', { skip }, () => {
  const program = 'path' in client ? client.path : '';
  const cluster = new TestCluster();
  after(() => cluster.clear());
  const earlier = join(cluster.folder, 'earlier');
  const withFile = (file: string, ...words: string[]) => finished(program, ['--kubeconfig', file, ...words]);
  const does = async (...words: string[]) => (await kubectlOf(program, cluster).does(words)).trim();
  const rotated = async (...words: string[]) => {
    const where = ['--data-dir', join(cluster.folder, 'data'), '--kubeconfig', cluster.kubeconfig];
    const { code, out, err } = await miniK8s([...words, ...where]);
    assert.equal(code, 0, out + err);
    return out;
  };
  const bundleOf = (namespace: string) =>
    does('get', 'configmap', 'kube-root-ca.crt', '-n', namespace, '-o', 'jsonpath={.data.ca\\.crt}');

  test('a new authority signs at once, and who knows only the earlier one is served on', async () => {
    await cluster.start('up', ['--runtime', 'sim']);
    copyFileSync(cluster.kubeconfig, earlier);
    const first = await bundleOf('default');
    assert.match(await rotated('rotate-ca'), /the cluster uses it from now on/);
    assert.notEqual(readFileSync(cluster.kubeconfig, 'utf8'), readFileSync(earlier, 'utf8'));
    for (const file of [earlier, cluster.kubeconfig]) {
      const { code, err } = await withFile(file, 'get', 'namespaces');
      assert.equal(code, 0, err);
    }
    await until('bundle of both in every namespace', 5_000, async () => {
      const bundle = await bundleOf('kube-system');
      return bundle.includes(first) && bundle.match(/BEGIN/g)?.length === 2;
    });
  });

  test('a retired authority lets nobody in, and nobody believes its servers', async () => {
    assert.match(await rotated('rotate-ca', '--retire'), /retired 2 authorities/);
    const { code, err } = await withFile(earlier, 'get', 'namespaces');
    assert.equal(code, 1);
    assert.match(err, /certificate signed by unknown authority/);
    const text = readFileSync(earlier, 'utf8');
    const [cert, key] = ['client-certificate-data', 'client-key-data'].map((name) =>
      Buffer.from(new RegExp(`${name}: "?([^"\\n]+)`).exec(text)?.[1] ?? '', 'base64').toString(),
    );
    assert.equal(await statusOf(`${cluster.url}/version`, { cert, key }), 401);
    await does('get', 'namespaces');
    assert.match(await rotated('rotate-ca', '--retire'), /there is no earlier authority to retire/);
  });

  test('a new key signs tokens; those of the earlier one are good until it is retired', async () => {
    const ask = (token: string) =>
      statusOf(`${cluster.url}/api/v1/namespaces/default`, { headers: { authorization: `Bearer ${token}` } });
    const kids = async () =>
      (JSON.parse(await does('get', '--raw', '/openid/v1/jwks')).keys as { kid: string }[]).length;
    await does('create', 'serviceaccount', 'reader');
    await does('create', 'clusterrolebinding', 'reader', '--clusterrole=view', '--serviceaccount=default:reader');
    const before = await does('create', 'token', 'reader');
    await rotated('rotate-signing-key');
    const next = await does('create', 'token', 'reader');
    assert.deepEqual([await kids(), await ask(before), await ask(next)], [2, 200, 200]);
    await rotated('rotate-signing-key', '--retire');
    assert.deepEqual([await kids(), await ask(before), await ask(next)], [1, 401, 200]);
  });

  test('a cluster that is down finds its new keys when it starts', async () => {
    copyFileSync(cluster.kubeconfig, earlier);
    await cluster.end();
    assert.match(await rotated('rotate-ca'), /does not run/);
    const wrong = await miniK8s(['rotate-ca', '--data-dir', join(cluster.folder, 'nowhere')]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /no cluster was started in .*nowhere/);
    await cluster.start('up', ['--runtime', 'sim']);
    await does('get', 'namespaces');
    const bundle = readFileSync(cluster.kubeconfig, 'utf8').match(/certificate-authority-data: "?([^"\n]+)/)?.[1] ?? '';
    assert.equal(Buffer.from(bundle, 'base64').toString().match(/BEGIN/g)?.length, 2);
  });
});

describe('keys of a cluster of many processes', { skip }, () => {
  const program = 'path' in client ? client.path : '';
  const cluster = new TestCluster();
  after(() => cluster.clear());

  test('its parts go on past a retired authority, and nobody starts them again', async () => {
    await cluster.start('up', ['--split', '--log-level', 'debug']);
    const does = async (...words: readonly string[]) => (await kubectlOf(program, cluster).does(words)).trim();
    const deploys = async (name: string) => {
      await does('create', 'deployment', name, '--image=host', '--', 'sleep', '1000');
      await does('rollout', 'status', `deployment/${name}`, '--timeout=30s');
      assert.match(await does('exec', `deployment/${name}`, '--', 'echo', 'inside'), /inside/);
    };
    await deploys('before');
    const parts = () =>
      processesWith(cluster.folder).filter(({ words }) => / (agent|controllers|scheduler) /.test(words));
    const first = parts().map(({ pid }) => pid);
    assert.ok(first.length >= 3);
    const where = ['--data-dir', join(cluster.folder, 'data'), '--kubeconfig', cluster.kubeconfig];
    const heard = () => cluster.log.match(/"a file was read anew"/g)?.length ?? 0;
    for (const words of [['rotate-ca'], ['rotate-ca', '--retire']]) {
      const before = heard();
      const { code, out, err } = await miniK8s([...words, ...where]);
      assert.equal(code, 0, out + err);
      await until('other keys for every part', 10_000, () => heard() >= before + first.length);
    }
    await deploys('after');
    const ready = ['get', 'nodes', '-o', 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'];
    assert.equal(await does(...ready), 'True');
    assert.deepEqual(
      parts().map(({ pid }) => pid),
      first,
    );
  });
});

const lifeMs = 15_000;
/** So soon a node that is not heard is known to be gone. */
const notHeardMs = 5_000;

describe('the certificate of a node', { skip }, () => {
  const program = 'path' in client ? client.path : '';
  const cluster = new TestCluster();
  const parts: Part[] = [];
  after(async () => {
    for (const part of parts) await part.end();
    await cluster.clear();
  });

  test('is asked for by the node, and the next one before it ends', async () => {
    await cluster.start('server', ['--cluster-signing-duration', `${lifeMs / 1000}s`]);
    const start = async (...words: string[]) => {
      const part = new Part([...words, '--kubeconfig', cluster.kubeconfig]);
      parts.push(part);
      await part.ready();
    };
    await start('controllers');
    const node = ['--node', 'mine', '--data-dir', cluster.folder, '--runtime', 'process'];
    await start('agent', ...node, '--bootstrap-kubeconfig', cluster.kubeconfig);
    const jsonpath = async (what: string, path: string) =>
      (await finished(program, ['--kubeconfig', cluster.kubeconfig, 'get', what, '-o', `jsonpath=${path}`])).out;
    const isReady = async () =>
      (await jsonpath('node/mine', '{.status.conditions[?(@.type=="Ready")].status}')) === 'True';
    await until('node that is ready', 5_000, isReady);
    const since = performance.now();
    const asked = () => jsonpath('csr', '{range .items[*]}{.spec.username} {.status.conditions[*].type} {end}');
    assert.equal((await asked()).trim(), 'admin Approved');
    await until('request by the node itself', lifeMs, async () =>
      / system:node:mine Approved/.test(` ${await asked()}`),
    );
    await sleep(lifeMs - (performance.now() - since));
    // The first certificate has ended, and the node is heard.
    await sleep(notHeardMs);
    assert.ok(await isReady());
  });
});

function statusOf(url: string, who: RequestOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { rejectUnauthorized: false, ...who }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });
}
