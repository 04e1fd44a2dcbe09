import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readRequest } from '../api/kinds/certificate-request.ts';
import { kubeletClientFault } from '../api/kinds/certificate-signers.ts';
import type { ApiRequest, ApiResponse } from '../api/wire.ts';
import type { Instant } from '../base/env.ts';
import { StopSource } from '../base/stop.ts';
import { hostEnv } from '../host/env.ts';
import type { Access } from '../host/http/client.ts';
import { certify, createAuthority, subjectOf } from '../host/x509/certificate.ts';
import { SimClock } from '../sim/clock.ts';
import { NodeIdentity } from './node-identity.ts';

const home = mkdtempSync(join(tmpdir(), 'identity-'));
after(() => rmSync(home, { recursive: true, force: true }));
const day = 86_400_000;

/** A cluster that signs what it is asked for, or says why not. */
function cluster(folder: string, refusal?: string) {
  const clock = new SimClock();
  const authority = createAuthority('ca', clock.now());
  const env = { ...hostEnv({ log: { level: 'error', write: () => {} } }), clock };
  const asked: { readonly by: string | undefined; readonly usages: readonly string[] }[] = [];
  const signed = new Map<string, string>();
  const answer = (access: Access, { method, body }: ApiRequest): ApiResponse => {
    if (method === 'POST') {
      const { spec } = (body as { object: unknown }).object as { spec: { request: string; usages: string[] } };
      const request = readRequest(spec.request);
      assert.ok(request);
      assert.equal(kubeletClientFault(request, spec.usages), undefined);
      const by = access.cert === undefined ? undefined : subjectOf(new X509Certificate(access.cert)).name;
      asked.push({ by, usages: spec.usages });
      const key = createPublicKey({ key: Buffer.from(request.key), format: 'der', type: 'spki' });
      const subject = { name: request.commonName, groups: request.organizations };
      const now = clock.now() as Instant;
      signed.set('csr-1', certify(authority, { subject, use: ['client'], now, lifetime: 10 * day }, key));
    }
    const certificate = Buffer.from(signed.get('csr-1') as string).toString('base64');
    const conditions = [{ type: 'Denied', status: 'True', message: refusal }];
    const status = refusal === undefined ? { certificate } : { conditions };
    return {
      status: method === 'POST' ? 201 : 200,
      body: { object: { metadata: { name: 'csr-1' }, status } as never },
    };
  };
  const used: Access[] = [];
  const connect = (access: Access) => {
    used.push(access);
    return async (request: ApiRequest) => answer(access, request);
  };
  const takers: ((next: Access) => void)[] = [];
  const access = { server: 'https://x:1', ca: authority.certificate, token: 'abcdef.0123456789abcdef' };
  const bootstrap = { now: access, follow: (take: (next: Access) => void) => void takers.push(take) };
  /** The file is written anew, as after a rotation of authorities. */
  const rotate = () => {
    for (const take of takers) take(access);
  };
  const identity = (node = 'one') => new NodeIdentity({ env, node, folder, bootstrap, connect });
  return { clock, asked, used, identity, rotate };
}

test('a node asks for its certificate once, and keeps it for its own eyes', async () => {
  const folder = join(home, 'once');
  const { asked, used, identity } = cluster(folder);
  const stop = new StopSource();
  await identity().obtain(stop);
  assert.deepEqual(asked, [{ by: undefined, usages: ['digital signature', 'client auth'] }]);
  const { cert, token } = used.at(-1) as Access;
  assert.equal(token, undefined, 'who asked for it is not who speaks');
  const certificate = new X509Certificate(cert as string);
  assert.deepEqual(subjectOf(certificate), { name: 'system:node:one', groups: ['system:nodes'] });
  if (process.platform !== 'win32') assert.equal(statSync(join(folder, 'node-client.key')).mode & 0o777, 0o600);
  await identity().obtain(stop);
  assert.equal(asked.length, 1);
});

test('a certificate of another node, or of another cluster, is none', async () => {
  const folder = join(home, 'other');
  const first = cluster(folder);
  await first.identity().obtain(new StopSource());
  await first.identity('two').obtain(new StopSource());
  assert.equal(first.asked.length, 2);
  const second = cluster(folder);
  await second.identity('two').obtain(new StopSource());
  assert.equal(second.asked.length, 1);
});

test('a certificate is renewed by the node itself before it ends, and one that has ended by who may ask', async () => {
  const folder = join(home, 'renewed');
  const { clock, asked, used, identity } = cluster(folder);
  const stop = new StopSource();
  const one = identity();
  await one.obtain(stop);
  const running = one.run(stop);
  await clock.run(6 * day, () => Promise.resolve());
  assert.equal(asked.length, 1, 'it is not old yet');
  await clock.run(3.5 * day, () => Promise.resolve());
  assert.equal(asked.length, 2);
  assert.equal(asked[1]?.by, 'system:node:one');
  stop.stop();
  await running;
  assert.notEqual(used.at(-1)?.cert, used[1]?.cert);
  await clock.run(11 * day, () => Promise.resolve());
  await identity().obtain(new StopSource());
  assert.deepEqual([asked.length, asked[2]?.by], [3, undefined]);
});

test('a node asks for another certificate when it is told of other authorities', async () => {
  const { clock, asked, identity, rotate } = cluster(join(home, 'rotated'));
  const stop = new StopSource();
  const one = identity();
  await one.obtain(stop);
  const running = one.run(stop);
  await clock.run(60_000, () => Promise.resolve());
  assert.equal(asked.length, 1);
  rotate();
  await clock.run(60_000, () => Promise.resolve());
  assert.deepEqual(
    asked.map(({ by }) => by),
    [undefined, 'system:node:one'],
  );
  stop.stop();
  await running;
});

test('a refusal is told with its reason', async () => {
  const { identity } = cluster(join(home, 'refused'), 'not of ours');
  await assert.rejects(
    identity().obtain(new StopSource()),
    /one: its certificate request csr-1 was refused, Denied: not of/,
  );
});
