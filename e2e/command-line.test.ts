import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { freePort } from '../src/host/free-port.test-data.ts';
import { finished, miniK8s, outputOf, Part, root, TestCluster, until } from './cluster.ts';

const cluster = new TestCluster();
after(() => cluster.clear());

test('a wrong flag ends with code 2 and one line that says what is right', async () => {
  for (const words of [
    ['up', '--runtim', 'sim'],
    ['up', '--runtime', 'boat'],
    ['server', '--listen', 'here'],
    ['upp'],
  ]) {
    const { code, out, err } = await miniK8s(words);
    assert.equal(code, 2, `${words.join(' ')}: ${err}`);
    assert.equal(out, '');
    assert.match(err, /^[^\n]+\n$/);
  }
});

test('a Node that is too old is told so in one line', async () => {
  const program = join(root, 'bin', 'mini-k8s.cjs');
  const fake = `Object.defineProperty(process.versions, 'node', { value: '18.20.0' }); require(${JSON.stringify(program)})`;
  const { code, err } = await finished(process.execPath, ['-e', fake]);
  assert.equal(code, 1);
  assert.match(err, /^mini-k8s needs Node \d+\.\d+ or later and this is 18\.20\.0[^\n]*\n$/);
});

test('the server alone serves curl over plain HTTP, keeps its key private and ends with code 0', async () => {
  const port = await freePort();
  await cluster.start('server', ['--insecure-listen', `127.0.0.1:${port}`]);
  const plain = await finished('curl', ['-sS', `http://127.0.0.1:${port}/version`]);
  assert.equal(plain.code, 0, plain.err);
  assert.match(JSON.parse(plain.out).gitVersion, /^v1\.36\./);
  assert.equal(statSync(cluster.kubeconfig).mode & 0o777, 0o600);
  assert.match(readFileSync(cluster.kubeconfig, 'utf8'), /client-certificate-data/);
});

test('a client certificate of an unknown authority is answered 401', async () => {
  const other = new TestCluster();
  try {
    await other.start('server');
    // The certificate of another cluster, against this one's address.
    const config = readFileSync(other.kubeconfig, 'utf8');
    const [certificate, key] = ['client-certificate-data', 'client-key-data'].map((name) => {
      const data = new RegExp(`"?${name}"?:\\s*"?([A-Za-z0-9+/=]+)`).exec(config)?.[1];
      assert.ok(data, `the kubeconfig has no ${name}`);
      return Buffer.from(data, 'base64').toString();
    });
    const { request } = await import('node:https');
    const status = await new Promise((resolve, reject) => {
      const url = new URL('/api/v1/namespaces', cluster.url);
      request(url, { cert: certificate, key, rejectUnauthorized: false, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    assert.equal(status, 401);
  } finally {
    await other.clear();
  }
  assert.equal(await cluster.end(), 0);
  assert.deepEqual(await cluster.remains(), []);
});

test('each part runs as a process of its own against any API server, and shows its figures', async () => {
  const other = new TestCluster();
  after(() => other.clear());
  await other.start('server');
  for (const words of [['controllers'], ['scheduler'], ['agent', '--runtime', 'process', '--data-dir', other.folder]]) {
    const part = new Part([...words, '--kubeconfig', other.kubeconfig]);
    try {
      const { metrics } = await part.ready();
      const shown = await until(`figures of ${words[0]}`, 5_000, async () => {
        const { code, out } = await finished('curl', ['-sS', metrics]);
        return code === 0 && out;
      });
      assert.match(shown, /^# TYPE \S+ (counter|gauge|histogram)$/m);
    } finally {
      assert.equal(await part.end(), 0, words.join(' '));
    }
  }
  assert.equal(await other.end(), 0);
});

test('a cluster that runs in the background is found again by up, and ended by down', async () => {
  const words = ['up', '--data-dir', join(cluster.folder, 'behind'), '--runtime', 'sim', '--listen', '127.0.0.1:0'];
  const [first, second] = [await miniK8s(words), await miniK8s(words)];
  try {
    assert.equal(first.code, 0, first.err);
    assert.deepEqual({ ...second, err: '' }, first);
    assert.match(second.err, /already running/);
    assert.equal((await miniK8s([...words, '--foreground'])).code, 1);
  } finally {
    assert.equal((await miniK8s(['down', '--data-dir', join(cluster.folder, 'behind')])).code, 0);
  }
});

test('a backup of a running cluster becomes the same cluster in another folder', async () => {
  const [first, second] = [new TestCluster(), new TestCluster()];
  after(() => Promise.all([first.clear(), second.clear()]));
  await first.start('server');
  const access = ['--kubeconfig', first.kubeconfig];
  const mark = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mark' }, data: { a: 'b' } });
  assert.equal((await miniK8s(['apply', '-f', '-', ...access], mark)).code, 0);
  const file = join(first.folder, 'saved');
  const saved = await miniK8s(['backup', file, '--data-dir', join(first.folder, 'data'), ...access]);
  assert.equal(saved.code, 0, saved.err);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const where = ['--data-dir', join(second.folder, 'data')];
  const restored = await miniK8s(['restore', file, ...where]);
  assert.equal(restored.code, 0, restored.err);
  assert.equal(await first.end(), 0);
  await second.start('server');
  const shown = await miniK8s(['get', 'configmap', 'mark', '-o', 'json', '--kubeconfig', second.kubeconfig]);
  assert.deepEqual(JSON.parse(shown.out).data, { a: 'b' }, shown.err);
  const authority = (path: string) =>
    /certificate-authority-data"?:\s*"?([\w+/=]+)/.exec(readFileSync(path, 'utf8'))?.[1];
  assert.equal(authority(second.kubeconfig), authority(first.kubeconfig));
  assert.equal(await second.end(), 0);
  for (const [words, why] of [
    [['restore', file, ...where], /is there already: restore into an empty folder/],
    [['restore', first.kubeconfig, '--data-dir', join(first.folder, 'new')], /is no backup that can be used: line 1/],
  ] as const) {
    const refused = await miniK8s(words);
    assert.equal(refused.code, 1);
    assert.match(refused.err, why);
  }
});

test('secrets are sealed on disk, and by another key after it was rotated', async () => {
  const own = new TestCluster();
  after(() => own.clear());
  await own.start('server');
  const access = ['--kubeconfig', own.kubeconfig];
  const folder = join(own.folder, 'data');
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { word: 'open-sesame' } };
  assert.equal((await miniK8s(['apply', '-f', '-', ...access], JSON.stringify(secret))).code, 0);
  const refused = await miniK8s(['rotate-key', '--data-dir', folder]);
  assert.deepEqual([refused.code, /in use by another process/.test(refused.err)], [1, true], refused.err);
  assert.equal(await own.end(), 0);
  const onDisk = () => ['state.sqlite', 'state.sqlite-wal'].map((file) => textOf(join(folder, 'store', file))).join('');
  const word = Buffer.from('open-sesame').toString('base64');
  assert.ok(onDisk().includes('/core/secrets/default/s'));
  assert.equal(onDisk().includes(word), false);
  const keyFile = join(folder, 'pki', 'seal.key');
  const before = readFileSync(keyFile, 'utf8');
  const rotated = await miniK8s(['rotate-key', '--data-dir', folder]);
  assert.equal(rotated.code, 0, rotated.err);
  assert.match(rotated.out, /^sealed \d+ secrets in /);
  assert.equal(statSync(keyFile).mode & 0o777, 0o600);
  assert.notEqual(readFileSync(keyFile, 'utf8').trim(), before.trim());
  assert.equal(readFileSync(keyFile, 'utf8').trim().split('\n').length, 1);
  await own.start('server');
  const shown = await miniK8s(['get', 'secret', 's', '-o', 'json', ...access]);
  assert.equal(JSON.parse(shown.out).data.word, word, shown.err);
  assert.equal(await own.end(), 0);
});

const textOf = (file: string): string => (existsSync(file) ? readFileSync(file, 'latin1') : '');

test('our own commands apply, show, scale, read and delete', async () => {
  await cluster.start('up');
  const access = ['--kubeconfig', cluster.kubeconfig];
  const does = (words: readonly string[], input?: string) => outputOf(words, miniK8s([...words, ...access], input));
  const manifest = readFileSync(join(root, 'examples', 'hello', 'hello.yaml'), 'utf8');
  // Another cluster on this machine may have the sample's port.
  await does(
    ['apply', '-f', '-'],
    manifest.replace(/\n +nodePort: \d+/, '').replace('type: NodePort', 'type: ClusterIP'),
  );
  assert.match(await does(['get', 'deployments']), /hello/);
  await until('two ready copies', 20_000, async () => / 2\/2 /.test(await does(['get', 'deployments'])));
  await does(['scale', 'deployment/hello', '--replicas', '3']);
  await until('three ready copies', 20_000, async () => / 3\/3 /.test(await does(['get', 'deployments'])));
  assert.ok((await does(['status'])).length > 0);
  assert.match(await does(['version']), /1\.36/);
  const pod = /^(hello-\S+)/m.exec(await does(['get', 'pods']))?.[1];
  assert.ok(pod);
  await does(['logs', pod]);
  await does(['delete', 'deployment/hello']);
  await until('end of the pods', 20_000, async () => !(await does(['get', 'pods'])).includes('hello-'));
  assert.equal(await cluster.end(), 0, cluster.log);
  assert.deepEqual(await cluster.remains(), []);
});
