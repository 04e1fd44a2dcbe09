import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Caller } from '../api/wire.ts';
import type { Instant } from '../base/env.ts';
import { authenticationConfiguration } from '../server/auth/authentication-configuration.ts';
import { OidcTokens } from '../server/auth/oidc-tokens.ts';
import { machineClock } from './clock.ts';
import { fetchedKeys } from './issuer-keys.ts';
import { createAuthority, issue } from './x509/certificate.ts';

const server = 'https://kubernetes.default.svc';
const now = Math.floor(Date.now() / 1000);
const url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
type Answer = { readonly error?: string; readonly caller?: Caller } | undefined;

/** An identity provider on this machine, with a certificate of an authority of its own. */
async function provider(t: TestContext) {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const published = (key: KeyObject, kid: string, alg: string) => ({ ...key.export({ format: 'jwk' }), kid, alg });
  const keys: object[] = [published(rsa.publicKey, 'r', 'RS256'), published(ec.publicKey, 'e', 'ES256')];
  const authority = createAuthority('issuer-ca', Date.now() as Instant);
  const pair = issue(authority, {
    subject: { name: 'issuer' },
    use: ['server'],
    names: ['127.0.0.1'],
    now: Date.now() as Instant,
  });
  let asked = 0;
  const listening = createServer({ key: pair.key, cert: pair.certificate }, (request, response) => {
    asked++;
    const base = `https://127.0.0.1:${(listening.address() as AddressInfo).port}`;
    const body = request.url === '/keys' ? { keys } : { issuer: base, jwks_uri: `${base}/keys` };
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  t.after(() => listening.close());
  const address = `https://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  const configuration = (more: object = {}) =>
    authenticationConfiguration({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AuthenticationConfiguration',
      jwt: [
        {
          issuer: { url: address, audiences: ['cluster'], certificateAuthority: authority.certificate },
          claimMappings: {
            username: { claim: 'sub', prefix: 'oidc:' },
            groups: { claim: 'groups', prefix: 'oidc:' },
          },
          claimValidationRules: [{ claim: 'tenant', requiredValue: 'own' }],
          ...more,
        },
      ],
    });
  const tokens = (more: object = {}) =>
    new OidcTokens(machineClock, configuration(more).issuers[0] as never, {
      keys: fetchedKeys,
      serverAudiences: [server],
    });
  const claims = { iss: address, sub: 'jane', aud: 'cluster', exp: now + 600, groups: ['dev'], tenant: 'own' };
  const make = (header: object, change: object = {}, key: KeyObject = rsa.privateKey) => {
    const text = `${url({ alg: 'RS256', kid: 'r', ...header })}.${url({ ...claims, ...change })}`;
    const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  };
  return { rsa, ec, keys, tokens, make, asked: () => asked };
}
const ask = async (tokens: OidcTokens, token: string) => (await tokens.verify(token, [server])) as Answer;

test('a token of a believed issuer stands for a user that cannot be one of the cluster', async (t) => {
  const { tokens, make, ec, asked } = await provider(t);
  const believed = tokens();
  assert.deepEqual((await ask(believed, make({})))?.caller, { name: 'oidc:jane', groups: ['oidc:dev'], extra: {} });
  const masters = await ask(believed, make({ alg: 'ES256', kid: 'e' }, { groups: ['system:masters'] }, ec.privateKey));
  assert.deepEqual(masters?.caller?.groups, ['oidc:system:masters']);
  assert.equal(asked(), 2, 'the keys are fetched once');
});

test('a token of an issuer is refused with another key, algorithm, audience, tenant or time', async (t) => {
  const { tokens, make, ec, rsa } = await provider(t);
  const believed = tokens();
  const wrong = async (token: string, why: RegExp) => assert.match((await ask(believed, token))?.error ?? '', why);
  const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  await wrong(make({}, {}, foreign), /failed to verify id token signature/);
  await wrong(make({ kid: 'e' }, {}, ec.privateKey), /failed to verify/);
  await wrong(make({ alg: 'ES256' }), /failed to verify/);
  await wrong(make({ alg: 'none' }), /not supported/);
  const text = `${url({ alg: 'HS256', kid: 'r' })}.${make({}).split('.')[1]}`;
  const secret = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  await wrong(`${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`, /not supported/);
  await wrong(make({}, { aud: 'other' }), /expected audience/);
  await wrong(make({}, { tenant: 'foreign' }), /required claim tenant value does not match/);
  await wrong(make({}, { exp: now - 1 }), /token is expired/);
  await wrong(make({}, { sub: '' }), /the token gives no username/);
  assert.equal(await ask(believed, make({}, { iss: 'https://other.example' })), undefined);
});

test('expressions make the user out of claims, and refuse who is not as they want', async (t) => {
  const { tokens, make } = await provider(t);
  const believed = tokens({
    claimMappings: {
      username: { expression: '"x:" + claims.sub' },
      groups: { expression: 'claims.groups.map(g, "x:" + g)' },
      uid: { expression: 'claims.tenant' },
      extra: [{ key: 'example.com/tenant', valueExpression: 'claims.tenant' }],
    },
    claimValidationRules: [{ expression: 'claims.exp - claims.iat <= 3600', message: 'lives too long' }],
    userValidationRules: [{ expression: '!user.username.startsWith("x:system:")', message: 'not of the system' }],
  });
  const own = await ask(believed, make({}, { iat: now }));
  assert.deepEqual(own?.caller, {
    name: 'x:jane',
    groups: ['x:dev'],
    uid: 'own',
    extra: { 'example.com/tenant': ['own'] },
  });
  const why = async (change: object) => (await ask(believed, make({}, change)))?.error ?? '';
  assert.match(await why({ iat: now - 4000 }), /lives too long/);
  assert.match(await why({}), /no such key/);
  assert.match(await why({ iat: now, sub: 'system:admin' }), /not of the system/);
});

test('an issuer whose certificate is of an unknown authority is not believed', async (t) => {
  const { tokens, make } = await provider(t);
  const rules = tokens({
    issuer: {
      url: JSON.parse(Buffer.from(make({}).split('.')[1] as string, 'base64url').toString()).iss,
      audiences: ['cluster'],
    },
  });
  assert.match((await ask(rules, make({})))?.error ?? '', /certificate/);
});

test('a configuration that is not understood is refused, and says where', () => {
  const jwt = (more: object) => ({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    jwt: [
      {
        issuer: { url: 'https://issuer.example', audiences: ['a'] },
        claimMappings: { username: { claim: 'sub', prefix: '' } },
        ...more,
      },
    ],
  });
  const refused = (value: unknown, why: RegExp) => assert.throws(() => authenticationConfiguration(value), why);
  assert.equal(authenticationConfiguration(jwt({})).issuers.length, 1);
  refused({}, /kind must be AuthenticationConfiguration/);
  refused(
    jwt({ issuer: { url: 'http://issuer.example', audiences: ['a'] } }),
    /jwt\[0\]\.issuer\.url: must be an https/,
  );
  refused(jwt({ issuer: { url: 'https://issuer.example' } }), /jwt\[0\]\.issuer\.audiences/);
  refused(jwt({ claimMappings: {} }), /jwt\[0\]\.claimMappings\.username/);
  refused(
    jwt({ userValidationRules: [{ expression: 'user.' }] }),
    /userValidationRules\[0\]\.expression: compilation failed/,
  );
  refused(jwt({ claimValidationRules: [{ expression: '1' }] }), /must evaluate to bool/);
  const email = { username: { expression: 'claims.email' } };
  refused(jwt({ claimMappings: email }), /claims\.email_verified must be used/);
  const extra = [{ key: 'a.k8s.io/b', valueExpression: '"x"' }];
  refused(jwt({ claimMappings: { username: { claim: 'sub', prefix: '' }, extra } }), /a domain of your own/);
});
