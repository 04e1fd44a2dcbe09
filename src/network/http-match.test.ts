import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpMatcher } from './http-match.ts';
import { normalPath } from './http-path.ts';
import type { HttpRule, HttpSite } from './http-table.ts';

const answer = (text: string, more: Partial<HttpRule> = {}): HttpRule => ({
  path: { type: 'Prefix', value: '/' },
  action: { type: 'answer', status: 200, text },
  source: text,
  ...more,
});
const site = (host: string, text: string): HttpSite => ({
  host,
  star: 'many',
  hosts: [{ host, star: 'many', rules: [answer(text)] }],
});
const matcher = (sites: readonly HttpSite[]) => new HttpMatcher({ port: 80, tls: false, certificates: [], sites });
const ask = (found: HttpMatcher, host: string, more: { path?: string; query?: string; headers?: object } = {}) =>
  found.find({
    method: 'GET',
    host,
    path: more.path ?? '/',
    query: more.query ?? '',
    header: (name) => (more.headers as Record<string, string> | undefined)?.[name],
  })?.source;

test('HttpMatcher gives a name to the site whose pattern says most of it, and to no other', () => {
  const found = matcher([
    site('', 'any'),
    site('*.com', 'short'),
    site('*.example.com', 'long'),
    site('www.example.com', 'exact'),
    { host: 'empty.org', star: 'many', hosts: [] },
  ]);
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['www.example.com', 'exact'],
    ['a.example.com', 'long'],
    ['a.b.example.com', 'long'],
    ['example.com', 'short'],
    ['com', 'any'],
    ['.com', 'any'],
    ['empty.org', undefined],
  ];
  for (const [host, expected] of rows) assert.equal(ask(found, host), expected, host);
});

test('HttpMatcher asks sites of one pattern one after another', () => {
  const first: HttpSite = { host: '', star: 'many', hosts: [{ host: 'a', star: 'one', rules: [answer('first')] }] };
  const found = matcher([first, site('', 'second')]);
  assert.deepEqual([ask(found, 'a'), ask(found, 'b')], ['first', 'second']);
});

test('HttpMatcher looks at headers and at the first value of a query key', () => {
  const rules = [
    answer('both', { headers: [{ name: 'x-v', value: '2' }], query: [{ name: 'q', value: 'a b' }] }),
    answer('header', { headers: [{ name: 'x-v', value: '2' }] }),
    answer('pattern', { query: [{ name: 'n', value: '\\d+', test: (text) => /^\d+$/.test(text) }] }),
    answer('post', { method: 'POST' }),
    answer('path', { path: { type: 'Pattern', value: '/p.*', test: (path) => path.startsWith('/p') } }),
  ];
  const found = matcher([{ host: '', star: 'many', hosts: [{ host: '', star: 'many', rules }] }]);
  const headers = { 'x-v': '2' };
  assert.equal(ask(found, 'x', { headers, query: 'q=a+b&q=c' }), 'both');
  assert.equal(ask(found, 'x', { headers, query: 'q=c&q=a+b' }), 'header');
  assert.equal(ask(found, 'x', { query: 'n=17' }), 'pattern');
  assert.equal(ask(found, 'x', { query: 'n=17x&%zz' }), undefined);
  assert.equal(ask(found, 'x', { path: '/pages' }), 'path');
});

test('normalPath leaves nothing that a backend could read in another way', () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['/', '/'],
    ['/a/b/', '/a/b/'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/a/%2e%2E/b', '/b'],
    ['/%61dmin', '/admin'],
    ['/a%2fb', '/a%2Fb'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a//b', '/a//b'],
    ['/..', undefined],
    ['/a/../../b', undefined],
    ['/a%00', undefined],
    ['/a%zz', undefined],
    ['a', undefined],
    ['*', undefined],
  ];
  for (const [path, expected] of rows) assert.equal(normalPath(path), expected, path);
});
