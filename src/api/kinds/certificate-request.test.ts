import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBase64 } from '../../base/base64.ts';
import { encodeText } from '../../base/json.ts';
import { readRequest } from './certificate-request.ts';
import { clientSigner, kubeletClientSigner, kubeletServingSigner, signerFault } from './certificate-signers.ts';

/** What openssl made of a node's name, with a name of each sort beside it. */
const request = `-----BEGIN CERTIFICATE REQUEST-----
MIIBQTCB5wIBADA0MRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxGzAZBgNVBAMMEnN5
c3RlbTpub2RlOm5vZGUtYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGBsDu8I
2Tnoxp9HU0u/s/QqLUQqwRrLSbzOhEefGWP7FG+DVzYwJRyoJ/1xwhej/vSwuarw
rotAVAgtgOZ2hOygUTBPBgkqhkiG9w0BCQ4xQjBAMD4GA1UdEQQ3MDWCEm5vZGUt
YS5leGFtcGxlLmNvbYcEwAACB4ENYUBleGFtcGxlLmNvbYYKc3BpZmZlOi8vYTAK
BggqhkjOPQQDAgNJADBGAiEAobPmt4H385OHghbQ9ee6UMwpRacMHBSzJ0BWuRsw
eRACIQDP4o/1yKTxEb7cyQySKTy6GVJWrgueX2S1dqJdigxkXQ==
-----END CERTIFICATE REQUEST-----
`;

test('readRequest knows the subject, all other names and the key of a request', () => {
  const { key, ...asked } = readRequest(encodeBase64(encodeText(request))) ?? { key: new Uint8Array() };
  assert.deepEqual(asked, {
    commonName: 'system:node:node-a',
    organizations: ['system:nodes'],
    dnsNames: ['node-a.example.com'],
    emails: ['a@example.com'],
    addresses: ['192.0.2.7'],
    uris: ['spiffe://a'],
  });
  // The key of a P-256 pair has one length.
  assert.equal(key.length, 91);
  assert.equal(readRequest(encodeBase64(encodeText('nothing'))), undefined);
});

test('Signers say in upstream’s words why they refuse a request', () => {
  const none = { dnsNames: [], emails: [], addresses: [], uris: [], key: new Uint8Array() };
  const node = { ...none, commonName: 'system:node:a', organizations: ['system:nodes'] };
  const usages = ['client auth', 'digital signature'];
  assert.equal(signerFault(kubeletClientSigner, node, usages), undefined);
  assert.equal(
    signerFault(kubeletClientSigner, { ...node, organizations: ['x'] }, usages),
    'subject organization is not system:nodes',
  );
  assert.equal(
    signerFault(kubeletClientSigner, { ...node, commonName: 'a' }, usages),
    'subject common name does not begin with system:node: ',
  );
  assert.equal(
    signerFault(kubeletClientSigner, { ...node, dnsNames: ['a'] }, usages),
    'DNS subjectAltNames are not allowed',
  );
  assert.equal(
    signerFault(kubeletClientSigner, node, ['server auth']),
    'usages did not match [client auth digital signature key encipherment]',
  );
  const serving = ['server auth', 'digital signature', 'key encipherment'];
  assert.equal(signerFault(kubeletServingSigner, node, serving), 'DNS or IP subjectAltName is required');
  assert.equal(signerFault(kubeletServingSigner, { ...node, addresses: ['192.0.2.1'] }, serving), undefined);
  assert.equal(signerFault(clientSigner, node, ['server auth']), 'invalid usage for client certificate: server auth');
});
