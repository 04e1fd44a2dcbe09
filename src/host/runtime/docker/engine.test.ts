import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findEngine, negotiate } from './engine.ts';
import { engineAddresses } from './engine-address.ts';

const folder = mkdtempSync(join(tmpdir(), 'engine-'));
after(() => rmSync(folder, { recursive: true }));
const only = (env: Record<string, string>) => engineAddresses({ DOCKER_CONFIG: folder, ...env });

test('an engine is looked for where DOCKER_HOST says, and nowhere else', () => {
  assert.deepEqual(only({ DOCKER_HOST: 'unix:///x/docker.sock' }), [
    { text: 'unix:///x/docker.sock', socketPath: '/x/docker.sock' },
  ]);
  assert.deepEqual(only({ DOCKER_HOST: 'tcp://10.0.0.1' }), [{ text: 'tcp://10.0.0.1', host: '10.0.0.1', port: 2375 }]);
  const [secure] = only({ DOCKER_HOST: 'tcp://[::1]:9', DOCKER_TLS_VERIFY: '1' });
  assert.deepEqual(secure, { text: 'tcp://[::1]:9', host: '::1', port: 9, tls: { rejectUnauthorized: true } });
  assert.throws(() => only({ DOCKER_HOST: 'ssh://somebody@there' }), /by unix:\/\/, npipe:\/\/ or tcp:\/\//);
});

test('an engine is looked for in the chosen context', () => {
  const place = join(folder, 'contexts', 'meta', createHash('sha256').update('lab').digest('hex'));
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'meta.json'), '{"Name":"lab","Endpoints":{"docker":{"Host":"unix:///lab.sock"}}}');
  assert.deepEqual(only({ DOCKER_CONTEXT: 'lab' }), [{ text: 'unix:///lab.sock', socketPath: '/lab.sock' }]);
  assert.throws(() => only({ DOCKER_CONTEXT: 'gone' }), /no engine in the context "gone"/);
  writeFileSync(join(folder, 'config.json'), '{"currentContext":"lab"}');
  assert.equal(only({})[0]?.text, 'unix:///lab.sock');
  rmSync(join(folder, 'config.json'));
});

test('the newest version that both sides know is spoken', () => {
  assert.equal(negotiate({ ApiVersion: '1.41', MinAPIVersion: '1.12' }), '1.41');
  assert.equal(negotiate({ ApiVersion: '1.99', MinAPIVersion: '1.44' }), '1.51');
  assert.equal(negotiate({ ApiVersion: '1.40' }), undefined);
  assert.equal(negotiate({ ApiVersion: '1.99', MinAPIVersion: '1.60' }), undefined);
});

test("Docker's engine is slow at links until version 28", async () => {
  const isSlow = async (ApiVersion: string) => {
    const about = JSON.stringify({ ApiVersion, MinAPIVersion: '1.24', Components: [{ Name: 'Engine' }] });
    const found = await pretending(({ url }, response) => response.end(url === '/version' ? about : '{}'));
    return 'engine' in found && found.engine.slowLinks;
  };
  assert.deepEqual([await isSlow('1.41'), await isSlow('1.47'), await isSlow('1.48')], [true, true, false]);
});

test('an engine that is not there, too old or silent is said in one line', async () => {
  const nobody = await findEngine({ DOCKER_HOST: `unix://${folder}/none.sock` });
  assert.match('missing' in nobody ? nobody.missing : '', /^unix:\/\/\S+none\.sock: connect ENOENT/);
  const old = await pretending((_request, response) => response.end('{"ApiVersion":"1.30","MinAPIVersion":"1.12"}'));
  assert.match('missing' in old ? old.missing : '', /speaks API 1\.12 to 1\.30, and 1\.41 to 1\.51 is what/);
  const other = await pretending((_request, response) => response.writeHead(503).end('down for today'));
  assert.match('missing' in other ? other.missing : '', /: down for today$/);
});

async function pretending(listener: RequestListener) {
  const server = createServer(listener);
  const path = join(folder, 'engine.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    return await findEngine({ DOCKER_HOST: `unix://${path}` });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
