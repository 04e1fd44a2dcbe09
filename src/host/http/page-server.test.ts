import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { ApiRequest, ApiResponse } from '../../api/wire.ts';
import { hostEnv } from '../env.ts';
import { type PageServer, servePage } from './page-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'page-'));
const seen: ApiRequest[] = [];
let page: PageServer;

async function api(asked: ApiRequest): Promise<ApiResponse> {
  seen.push(asked);
  return { status: 200, body: { object: { path: asked.path } } };
}

before(async () => {
  mkdirSync(join(folder, 'dashboard'));
  mkdirSync(join(folder, 'host'));
  writeFileSync(join(folder, 'dashboard', 'main.js'), 'export {};');
  writeFileSync(join(folder, 'host', 'env.js'), 'export {};');
  const modules = pathToFileURL(`${folder}/`);
  page = await servePage(hostEnv(), { listen: { host: '127.0.0.1', port: 0 }, modules, transport: api });
});
after(async () => {
  await page.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(path: string, method = 'GET', headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: page.port, path, method, headers }, async (incoming) =>
      resolve({ status: incoming.statusCode, headers: incoming.headers, body: await text(incoming) }),
    );
    outgoing.on('error', reject).end();
  });
}

test('the page server gives the page and its style under a policy that allows only itself', async () => {
  const answer = await ask('/');
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'] ?? '', /^text\/html/);
  assert.match(String(answer.headers['content-security-policy']), /default-src 'self'/);
  assert.match(answer.body, /src="\/modules\/dashboard\/main\.js"/);
  assert.match((await ask('/page.css')).body, /prefers-color-scheme: dark/);
});

test('the page server gives the modules of the page and no other file', async () => {
  const answer = await ask('/modules/dashboard/main.js');
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'] ?? '', /^text\/javascript/);
  for (const path of ['/modules/host/env.js', '/modules/dashboard/../host/env.js', '/modules/dashboard/%2e%2e/x.js'])
    assert.equal((await ask(path)).status, 404, path);
});

test('the page server passes reads of the API on, with nothing of the browser but what it accepts', async () => {
  const answer = await ask('/api/v1/pods?limit=1', 'GET', { authorization: 'Bearer mine', cookie: 'a=b' });
  assert.deepEqual(JSON.parse(answer.body), { path: '/api/v1/pods' });
  const { query, headers } = seen.at(-1) as ApiRequest;
  assert.deepEqual(query, [['limit', '1']]);
  assert.deepEqual(headers, { accept: 'application/json' });
});

test('the page server refuses to write, to act, and to show secrets', async () => {
  const before = seen.length;
  assert.equal((await ask('/api/v1/namespaces', 'POST')).status, 405);
  assert.equal((await ask('/apis/apps/v1/deployments', 'DELETE')).status, 405);
  assert.equal((await ask('/api/v1/secrets')).status, 403);
  assert.equal((await ask('/api/v1/%73ecrets')).status, 403);
  assert.equal((await ask('/api/v1/namespaces/a/pods/b/exec?command=rm')).status, 403);
  assert.equal(seen.length, before);
});

test('the page server refuses names and pages from elsewhere', async () => {
  assert.equal((await ask('/api/v1/pods', 'GET', { host: 'evil.example' })).status, 403);
  assert.equal((await ask('/', 'GET', { host: 'evil.example' })).status, 403);
  assert.equal((await ask('/api/v1/pods', 'GET', { origin: 'https://evil.example' })).status, 403);
});

test('the page server listens on loopback only', async () => {
  const options = { listen: { host: '0.0.0.0', port: 0 }, modules: pathToFileURL(`${folder}/`), transport: api };
  await assert.rejects(servePage(hostEnv(), options), /loopback address only/);
});

test('the modules of the page import nothing that a browser does not have', () => {
  const source = new URL('../../', import.meta.url);
  const known = new Set<string>();
  const waiting = [new URL('dashboard/main.ts', source)];
  for (let at = waiting.pop(); at; at = waiting.pop()) {
    if (known.has(at.href)) continue;
    known.add(at.href);
    const imports = readFileSync(at, 'utf8').matchAll(
      /^(?:import|export) (?!type )[^;]*?from '([^']+)'|^import '([^']+)'/gm,
    );
    for (const found of imports) {
      const name = found[1] ?? found[2] ?? '';
      assert.match(name, /^\.\.?\//, `${at.pathname} imports ${name}`);
      waiting.push(new URL(name, at));
    }
  }
  const folders = [...known].map((href) => href.slice(source.href.length).split('/')[0] ?? '');
  assert.deepEqual([...new Set(folders)].sort(), ['api', 'base', 'cli', 'client', 'dashboard', 'machinery']);
});
