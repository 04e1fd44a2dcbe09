import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { Instant } from '../../base/env.ts';
import { createAuthority, issue, subjectOf } from './certificate.ts';
import { der } from './der.ts';
import { openPki, retireEarlierAuthorities, rotateAuthorities } from './pki.ts';

const now = Date.UTC(2026, 0, 2) as Instant;
const day = 24 * 60 * 60 * 1000;
const later = (days: number) => (now + days * day) as Instant;

test('DER writes lengths, object ids, signs and both kinds of time as the standard wants', () => {
  assert.equal(der.objectId('1.2.840.10045.4.3.2').toString('hex'), '06082a8648ce3d040302');
  assert.equal(der.integer(Buffer.of(0, 0, 0x80)).toString('hex'), '02020080');
  assert.equal(der.octets(Buffer.alloc(300)).subarray(0, 4).toString('hex'), '0482012c');
  assert.equal(der.time(now).subarray(2).toString(), '260102000000Z');
  assert.equal(
    der
      .time(Date.UTC(2050, 0, 1))
      .subarray(2)
      .toString(),
    '20500101000000Z',
  );
});

test('a client certificate carries user and groups and is signed by its authority', () => {
  const authority = createAuthority('some-ca', now);
  const pair = issue(authority, {
    subject: { name: 'admin', groups: ['system:masters', 'a, b'] },
    use: ['client'],
    now,
  });
  const certificate = new X509Certificate(pair.certificate);
  const parent = new X509Certificate(authority.certificate);
  assert.deepEqual(subjectOf(certificate), { name: 'admin', groups: ['system:masters', 'a, b'] });
  assert.equal(certificate.checkIssued(parent), true);
  assert.equal(certificate.verify(parent.publicKey), true);
  assert.equal(certificate.ca, false);
  assert.equal(parent.ca, true);
});

test('a server certificate answers for DNS names and for addresses of both families', () => {
  const names = ['localhost', '127.0.0.1', '::1', 'fd00::1:0:2'];
  const pair = issue(createAuthority('some-ca', now), { subject: { name: 's' }, use: ['server'], names, now });
  const certificate = new X509Certificate(pair.certificate);
  assert.equal(certificate.checkHost('localhost'), 'localhost');
  assert.equal(certificate.checkHost('example.com'), undefined);
  for (const address of names.slice(1)) assert.equal(certificate.checkIP(address), address);
});

test('a pki is the same after a restart, private, renewed near its end and kept from a foreign authority', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'pki-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const open = (at: Instant, ...serverNames: string[]) => openPki({ directory, now: at, serverNames });
  const admin = { name: 'admin', groups: ['system:masters'] };
  const first = open(now);
  const user = first.client('admin', admin);
  const second = open(later(1));
  assert.deepEqual([second.server, second.keys, second.client('admin', admin)], [first.server, first.keys, user]);
  for (const file of readdirSync(directory)) assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file);
  assert.notEqual(open(later(1), 'other.example').server.certificate, first.server.certificate);
  const renewed = open(later(330));
  assert.equal(renewed.authority, first.authority);
  assert.notEqual(renewed.client('admin', admin).certificate, user.certificate);
  writeFileSync(join(directory, 'ca.key'), readFileSync(join(directory, 'sa.key')));
  assert.throws(() => open(now), /do not belong together/);
});

test('Pki certifies a key that somebody else has', () => {
  const directory = mkdtempSync(join(tmpdir(), 'mini-k8s-pki-'));
  const pki = openPki({ directory, now, serverNames: [] });
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = publicKey.export({ type: 'spki', format: 'der' });
  const subject = { name: 'system:node:a', groups: ['system:nodes'] };
  const text = pki.certify({ subject, use: ['client'], encipher: true, now, lifetime: 3_600_000, key });
  const certificate = new X509Certificate(text);
  assert.ok(certificate.verify(new X509Certificate(pki.authority).publicKey));
  assert.deepEqual(certificate.publicKey.export({ type: 'spki', format: 'der' }), key);
  assert.equal(certificate.subject, 'O=system:nodes\nCN=system:node:a');
  assert.ok(certificate.validToDate.getTime() - now <= 3_600_000);
  rmSync(directory, { recursive: true });
});

/** A folder of keys that goes with the test. */
function folderOf(t: { after(run: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'mini-k8s-pki-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}
const admin = { name: 'admin', groups: ['system:masters'] };

/** Whether a TLS client that trusts this much gets through to a server with this pair. */
async function trusts(ca: string, pair: { readonly certificate: string; readonly key: string }): Promise<boolean> {
  const server = createTlsServer({ cert: pair.certificate, key: pair.key }, (socket) => socket.end());
  server.on('tlsClientError', () => {});
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connectTls({ host: '127.0.0.1', port, ca });
  const isTrusted = await once(socket, 'secureConnect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  server.close();
  return isTrusted;
}

test('after a rotation both authorities are believed, and who knows only the old one believes the new', async (t) => {
  const directory = folderOf(t);
  const open = () => openPki({ directory, now: Date.now() as Instant, serverNames: [] });
  const first = open();
  const before = first.client('admin', admin);
  rotateAuthorities(directory, Date.now() as Instant);
  const second = open();
  assert.equal(second.authority.includes(first.authority), true);
  assert.equal(second.authority.match(/BEGIN/g)?.length, 2);
  assert.notEqual(second.server.certificate, first.server.certificate);
  assert.notEqual(second.client('admin', admin).certificate, before.certificate);
  const [newest = ''] = second.authority.split(/(?<=-----END CERTIFICATE-----\n)/);
  for (const ca of [first.authority, newest, second.authority]) assert.equal(await trusts(ca, second.server), true);
  assert.equal(await trusts(newest, first.server), false);
  assert.match(new X509Certificate(newest).subject, /^CN=mini-k8s-ca-2$/);
  rotateAuthorities(directory, Date.now() as Instant);
  const third = open();
  assert.equal(third.authority.match(/BEGIN/g)?.length, 3);
  for (const ca of [first.authority, newest, third.authority]) assert.equal(await trusts(ca, third.server), true);
  assert.equal(retireEarlierAuthorities(directory), 4);
  const last = open();
  assert.equal(last.authority.match(/BEGIN/g)?.length, 1);
  assert.equal(await trusts(last.authority, last.server), true);
  assert.equal(await trusts(first.authority, last.server), false);
  assert.equal(retireEarlierAuthorities(directory), 0);
});

test('an authority near its end is followed by another one and stays believed', (t) => {
  const directory = folderOf(t);
  const first = openPki({ directory, now, serverNames: [] });
  const nearly = openPki({ directory, now: later(3_620), serverNames: [] });
  assert.equal(nearly.authority.match(/BEGIN/g)?.length, 2);
  assert.equal(nearly.authority.includes(first.authority), true);
  // It has ended since then.
  assert.equal(openPki({ directory, now: later(3_700), serverNames: [] }).authority.match(/BEGIN/g)?.length, 1);
});

test('a rotation that was cut off is finished by the next start, or never was', (t) => {
  const directory = folderOf(t);
  const first = openPki({ directory, now, serverNames: [] });
  const place = (name: string) => join(directory, name);
  const next = createAuthority('mini-k8s-ca-2', now);
  // Only the key had been written.
  writeFileSync(place('ca-next.key'), next.key);
  assert.equal(openPki({ directory, now, serverNames: [] }).authority, first.authority);
  // Both had been, and one was in its place already.
  writeFileSync(place('ca.key'), next.key);
  rmSync(place('ca-next.key'));
  writeFileSync(place('ca-next.crt'), next.certificate);
  assert.equal(openPki({ directory, now, serverNames: [] }).authority, next.certificate);
  assert.equal(readdirSync(directory).includes('ca-next.crt'), false);
});
