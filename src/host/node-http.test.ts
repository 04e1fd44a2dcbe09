import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

test('A server, a proxy and a client of HTTP do not load what only browsers need', () => {
  const modules = ['./http/server.ts', './http/client.ts', './network/http/http-proxy.ts'];
  const urls = JSON.stringify(modules.map((path) => new URL(path, import.meta.url).href));
  const program = `await Promise.all(${urls}.map((url) => import(url)));
    console.log(process.moduleLoadList.filter((name) => name.includes('undici')).length)`;
  const words = ['--input-type=module', '--eval', program];
  assert.equal(execFileSync(process.execPath, words, { encoding: 'utf8', timeout: 30_000 }).trim(), '0');
});
