import assert from 'node:assert/strict';
import { createHmac, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import type { Caller } from '../api/wire.ts';
import type { Instant } from '../base/env.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { ServiceAccountTokens } from '../server/auth/service-account-tokens.ts';
import { MemoryStore } from '../store/memory.ts';
import { machineCrypto } from './crypto.ts';
import { hostEnv } from './env.ts';
import { tokenSigning } from './token-keys.ts';

const audience = 'https://kubernetes.default.svc';
const bound = {
  namespace: 'a',
  serviceaccount: { name: 'builder', uid: 'sa-1' },
  pod: { name: 'web', uid: 'pod-1' },
};
const url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A cluster with one ServiceAccount, whose clock can be moved. */
async function world() {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signingKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const crypto = machineCrypto({ signingKey });
  const clock = { at: Date.UTC(2026, 0, 1) };
  const base = hostEnv({ log: { level: 'error' } });
  const env = { ...base, crypto, clock: { ...base.clock, now: () => clock.at as Instant } };
  const store = new MemoryStore();
  const put = async (key: string, value: object) => {
    const { entry } = await store.get(key);
    await store.commit(key, entry?.modified ?? 0, value as Json);
  };
  const metadata = (name: string, uid: string) => ({ name, namespace: 'a', uid });
  await put('/core/serviceaccounts/a/builder', { metadata: metadata('builder', 'sa-1') });
  await put('/core/pods/a/web', { metadata: metadata('web', 'pod-1') });
  const signing = tokenSigning(crypto);
  const tokens = new ServiceAccountTokens(env, store, signing);
  const token = tokens.issue({ bound, audiences: [audience], seconds: 3600 });
  const ask = async (text: string, wanted = [audience]) => (await tokens.verify(text, wanted)) as Answer;
  return { crypto, signing, store, put, metadata, clock, tokens, token, ask, publicKey };
}
type Answer = { readonly error?: string; readonly caller?: Caller; readonly audiences?: readonly string[] } | undefined;

test('a token stands for its ServiceAccount, and says which pod brought it', async () => {
  const { ask, token } = await world();
  const answer = await ask(token);
  assert.equal(answer?.caller?.name, 'system:serviceaccount:a:builder');
  assert.deepEqual(answer?.caller?.groups, ['system:serviceaccounts', 'system:serviceaccounts:a']);
  assert.deepEqual(answer?.caller?.extra['authentication.kubernetes.io/pod-name'], ['web']);
});

test('the published key verifies a token without asking the cluster', async () => {
  const { token, signing } = await world();
  const [head = '', body = '', tail = ''] = token.split('.');
  const key = createPublicKey({ key: signing.publicKeys[0] as object, format: 'jwk' });
  const signature = Buffer.from(tail, 'base64url');
  assert.equal(verify('sha256', Buffer.from(`${head}.${body}`), { key, dsaEncoding: 'ieee-p1363' }, signature), true);
  const header = JSON.parse(Buffer.from(head, 'base64url').toString());
  assert.deepEqual(header, { alg: 'ES256', kid: signing.keyId });
});

test('a token that names another algorithm is refused: none, and a shared secret made of the public key', async () => {
  const { ask, token, publicKey, signing } = await world();
  const [, body = ''] = token.split('.');
  const none = `${url({ alg: 'none', kid: signing.keyId })}.${body}.`;
  assert.match((await ask(none))?.error ?? '', /cryptographic primitive/);
  for (const secret of [publicKey, JSON.stringify(signing.publicKeys[0]), signing.keyId]) {
    const text = `${url({ alg: 'HS256', kid: signing.keyId })}.${body}`;
    const forged = `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
    assert.match((await ask(forged))?.error ?? '', /cryptographic primitive/);
  }
});

test('a token is refused when a letter of it changes, when its key is another, and when it brings its own key', async () => {
  const { ask, token, signing } = await world();
  const [head = '', body = '', tail = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as JsonObject;
  const other = { ...claims, sub: 'system:serviceaccount:kube-system:admin' };
  const refusedAs = async (text: string) => assert.match((await ask(text))?.error ?? '', /cryptographic primitive/);
  await refusedAs(`${head}.${url(other)}.${tail}`);
  const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = foreign.publicKey.export({ format: 'jwk' });
  for (const header of [{ kid: signing.keyId }, { jwk }, { kid: signing.keyId, jwk }, { kid: '' }]) {
    const text = `${url({ alg: 'ES256', ...header })}.${body}`;
    const sign = machineCrypto({ signingKey: foreign.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string });
    await refusedAs(`${text}.${Buffer.from(sign.sign(Buffer.from(text))).toString('base64url')}`);
  }
  // Another spelling of the same bytes is not the same token.
  for (const more of ['=', 'A', 'AA', '.', ' ']) assert.equal((await ask(`${token}${more}`))?.caller, undefined);
});

test('a token is for its audience only', async () => {
  const { ask, tokens, token } = await world();
  const bound = { namespace: 'a', serviceaccount: { name: 'builder', uid: 'sa-1' } };
  const vault = tokens.issue({ bound, audiences: ['vault'], seconds: 3600 });
  assert.match((await ask(vault))?.error ?? '', /is invalid for the target audiences/);
  assert.match((await ask(token, ['vault']))?.error ?? '', /is invalid for the target audiences/);
  assert.deepEqual((await ask(vault, ['x', 'vault']))?.audiences, ['vault']);
});

test('a token ends with its time', async () => {
  const { ask, token, clock } = await world();
  clock.at += 3_600_000;
  assert.equal((await ask(token))?.error, undefined);
  clock.at += 61_000;
  assert.equal((await ask(token))?.error, 'service account token has expired');
});

test('a token ends with the pod it is bound to, and with its ServiceAccount, also when others take their names', async () => {
  const { ask, token, put, metadata, store } = await world();
  assert.equal((await ask(token))?.error, undefined);
  await put('/core/pods/a/web', { metadata: metadata('web', 'pod-2') });
  assert.match((await ask(token))?.error ?? '', /^pod UID \(pod-2\) does not match/);
  const { entry } = await store.get('/core/pods/a/web');
  await store.commit('/core/pods/a/web', entry?.modified ?? 0, undefined);
  assert.equal((await ask(token))?.error, 'service account token has been invalidated');
  await put('/core/pods/a/web', { metadata: metadata('web', 'pod-1') });
  await put('/core/serviceaccounts/a/builder', { metadata: metadata('builder', 'sa-2') });
  assert.match((await ask(token))?.error ?? '', /^service account UID \(sa-2\) does not match claim \(sa-1\)/);
});

test('a token out of a Secret is good as long as the Secret holds it', async () => {
  const { ask, tokens, put, metadata } = await world();
  const token = tokens.issueForSecret({ namespace: 'a', secret: 's' }, { name: 'builder', uid: 'sa-1' });
  assert.equal((await ask(token))?.error, 'Token has been invalidated');
  const secret = { metadata: metadata('s', 's-1'), data: { token: Buffer.from(token).toString('base64') } };
  await put('/core/secrets/a/s', secret);
  assert.equal((await ask(token))?.caller?.name, 'system:serviceaccount:a:builder');
  await put('/core/secrets/a/s', { ...secret, data: { token: Buffer.from('other').toString('base64') } });
  assert.equal((await ask(token))?.error, "Token does not match server's copy");
});

test('a new key signs; tokens of an earlier one are good until it is retired, though they were seen before', async () => {
  const { crypto, tokens, token, ask, signing, publicKey } = await world();
  assert.ok((await ask(token))?.caller);
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signingKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  crypto.renewSigning({ signingKey, verifyKeys: [publicKey] });
  const kids = () => signing.publicKeys.map((key) => (key as JsonObject).kid);
  const fresh = tokens.issue({ bound, audiences: [audience], seconds: 3600 });
  const kidOf = (text: string) => JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString()).kid;
  assert.deepEqual(kids(), [kidOf(fresh), kidOf(token)]);
  assert.ok((await ask(fresh))?.caller);
  assert.ok((await ask(token))?.caller);
  crypto.renewSigning({ signingKey });
  assert.deepEqual(kids(), [kidOf(fresh)]);
  assert.ok((await ask(fresh))?.caller);
  assert.match((await ask(token))?.error ?? '', /error in cryptographic primitive/);
});
