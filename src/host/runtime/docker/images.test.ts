import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { busybox, testEngine } from './busybox.test-data.ts';
import { encodeCredentials } from './credentials.ts';
import type { EngineClient } from './engine-client.ts';
import { DockerImages } from './images.ts';

const program = '/usr/bin/docker-registry';
const found = await testEngine();
const skip = 'missing' in found ? found.missing : programMissing();
const client = 'engine' in found ? found.engine.client : (undefined as unknown as EngineClient);
const name = 'reader';
const password = 'open-sesame';
const line = `${name}:$2b$04$z1xj.4MabZy1tIawPb2Td.3QOK/UeloDQvlhJi/bfXRMuqs9Vn9iC`;

function programMissing(): string | false {
  if (existsSync(program)) return false;
  if (process.env['CI'] === 'true' && process.platform === 'linux') throw new Error(`there is no ${program}`);
  return `there is no ${program}: it comes with Debian's docker-registry`;
}

describe('images', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'registry-'));
  const images = new DockerImages(client);
  let registry: ChildProcess;
  let reference = '';
  let digest = '';
  const login = { data: { '.dockerconfigjson': '' } };
  const remove = () => images.remove(reference);

  before(async () => {
    const host = `127.0.0.1:${await freePort()}`;
    reference = `${host}/team/tool:1`;
    const auth = Buffer.from(`${name}:${password}`).toString('base64');
    login.data['.dockerconfigjson'] = Buffer.from(JSON.stringify({ auths: { [host]: { auth } } })).toString('base64');
    writeFileSync(join(folder, 'users'), line);
    const config = [
      'version: 0.1',
      'log: {level: error}',
      `storage: {filesystem: {rootdirectory: ${folder}/data}}`,
      `http: {addr: '${host}'}`,
      `auth: {htpasswd: {realm: test, path: ${folder}/users}}`,
    ];
    writeFileSync(join(folder, 'config.yml'), config.join('\n'));
    registry = spawn(program, ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
    for (let tries = 0; tries < 100 && !(await answers(host)); tries++) await pause();
    await client.json('POST', `/images/${busybox}/tag`, { query: { repo: `${host}/team/tool`, tag: '1' } });
    const headers = { 'x-registry-auth': encodeCredentials({ username: name, password, serveraddress: host }) };
    const pushed = await client.stream('POST', `/images/${host}/team/tool/push`, { query: { tag: '1' }, headers });
    const text = (await buffer(pushed)).toString('utf8');
    digest = /"Digest":"(sha256:\w+)"/.exec(text)?.[1] ?? '';
    assert.notEqual(digest, '', text);
    await remove();
  });
  after(async () => {
    registry.kill('SIGKILL');
    await remove();
    await images.remove(reference.replace(/:1$/, `@${digest}`));
    rmSync(folder, { recursive: true });
  });

  test('an image that is not there is not pulled where that is forbidden', async () => {
    await assert.rejects(images.ensure(reference, 'Never', [login]), {
      reason: 'ErrImageNeverPull',
      message: `Container image "${reference}" is not present with pull policy of Never`,
    });
  });

  test('an image is not had without a login, and had with the one that the pod names, once for all who ask', async () => {
    await assert.rejects(
      images.ensure(reference, 'IfNotPresent', []),
      /failed to pull image .*no basic auth credentials/,
    );
    const all = await Promise.all([1, 2, 3].map(() => images.ensure(reference, 'IfNotPresent', [login])));
    assert.equal(new Set(all.map(({ id }) => id)).size, 1);
    assert.deepEqual(await images.ensure(reference, 'Never', []), all[0]);
    assert.ok((await images.list()).some(({ names, id }) => id === all[0]?.id && names.includes(reference)));
  });

  test('an image is pulled by its digest', async () => {
    await remove();
    const byDigest = reference.replace(/:1$/, `@${digest}`);
    const { id } = await images.ensure(byDigest, 'IfNotPresent', [login]);
    assert.deepEqual(await images.ensure(byDigest, 'Never', []), { id });
  });

  test('an image that the registry does not have is said in one line', async () => {
    const gone = reference.replace('tool', 'gone');
    await assert.rejects(images.ensure(gone, 'Always', [login]), { reason: 'ErrImagePull' });
  });
});

const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
const answers = (host: string): Promise<boolean> =>
  fetch(`http://${host}/v2/`).then(
    () => true,
    () => false,
  );

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
