import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPlain, type RequestListener } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Instant } from '../../../base/env.ts';
import { createAuthority, issue, type Pair } from '../../x509/certificate.ts';
import { findEngine } from './engine.ts';

const folder = mkdtempSync(join(tmpdir(), 'engine-'));
after(() => rmSync(folder, { recursive: true }));

/** What Podman says in the place of an engine: more than was asked for, and less than others tell. */
const podman: RequestListener = ({ url }, response) => {
  response.setHeader('Libpod-API-Version', '4.3.1');
  const version = {
    Platform: { Name: 'linux/amd64/debian-12' },
    Components: [{ Name: 'Podman Engine', Version: '4.3.1', Details: { MinAPIVersion: '4.0.0' } }],
    Version: '4.3.1',
    ApiVersion: '1.41',
    MinAPIVersion: '1.24',
    Arch: 'amd64',
  };
  if (url === '/version') response.end(JSON.stringify(version));
  else if (url === '/v1.41/info') response.end('{"OperatingSystem":"debian","SecurityOptions":["name=rootless"]}');
  else response.writeHead(404).end('{"cause":"no such path","message":"no such path","response":404}');
};

test("Podman's compatible socket is an engine, and a rootless one reaches its containers by ports of the machine", async () => {
  const path = join(folder, 'podman.sock');
  const server = createPlain(podman).listen(path);
  await once(server, 'listening');
  try {
    const found = await findEngine({ DOCKER_HOST: `unix://${path}` });
    assert.ok('engine' in found);
    const { version, architecture, reachable, mountsRecursively, slowLinks } = found.engine;
    assert.deepEqual([version, architecture, reachable], ['4.3.1', 'amd64', false]);
    assert.deepEqual([mountsRecursively, slowLinks], [false, false]);
    await assert.rejects(found.engine.client.json('GET', '/nowhere'), /no such path/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('an engine behind TLS is shown the certificate of its folder, and believed by its authority alone', async () => {
  const now = Date.now() as Instant;
  const authority = createAuthority('engines', now);
  const own = issue(authority, { subject: { name: 'engine' }, use: ['server'], names: ['127.0.0.1'], now });
  const client = issue(authority, { subject: { name: 'somebody' }, use: ['client'], now });
  const secure = { cert: own.certificate, key: own.key, ca: authority.certificate, requestCert: true };
  const server = createSecure({ ...secure, rejectUnauthorized: true }, podman).listen(0, '127.0.0.1');
  server.on('tlsClientError', () => {});
  await once(server, 'listening');
  const host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = (certificates: string) =>
    findEngine({ DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certificates });
  try {
    const found = await ask(certificatesIn('right', authority, client));
    assert.ok('engine' in found, JSON.stringify(found));
    assert.equal(found.engine.reachable, false, 'an engine elsewhere has its containers elsewhere');
    const foreign = createAuthority('others', now);
    const wrong = await ask(certificatesIn('wrong', foreign, client));
    assert.match('missing' in wrong ? wrong.missing : '', /certificate|issuer/);
    const nobody = await ask(certificatesIn('nobody', authority));
    assert.ok('missing' in nobody, 'without a certificate of its own nobody is let in');
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

function certificatesIn(name: string, authority: Pair, client?: Pair): string {
  const place = join(folder, name);
  mkdirSync(place);
  writeFileSync(join(place, 'ca.pem'), authority.certificate);
  if (client) {
    writeFileSync(join(place, 'cert.pem'), client.certificate);
    writeFileSync(join(place, 'key.pem'), client.key);
  }
  return place;
}
