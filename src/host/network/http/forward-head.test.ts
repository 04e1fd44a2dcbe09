import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answeredHeaders, changeHeaders, forwardedHeaders, redirectLocation, rewritten } from './forward-head.ts';
import { HeaderList } from './header-list.ts';

const list = (...lines: readonly string[]): HeaderList => {
  const headers = new HeaderList();
  for (const line of lines) headers.push((line.split(':')[0] as string).toLowerCase(), line);
  return headers;
};
const asker = { address: '192.0.2.7', secure: true, port: 443 };

test('forwardedHeaders leaves out what belongs to one connection, and says who asked', () => {
  const given = list(
    'Host: a.com',
    'Accept: */*',
    'Connection: keep-alive, X-Own',
    'X-Own: 1',
    'Keep-Alive: 5',
    'TE: trailers',
    'Upgrade: h2c',
    'Proxy-Connection: x',
    'Content-Length: 3',
    'X-Forwarded-For: 203.0.113.9',
    'X-Forwarded-Proto: ftp',
    'X-Real-IP: 1.1.1.1',
    'Cookie: a=b',
  );
  assert.deepEqual(forwardedHeaders(given, 'keep-alive, x-own', 'a.com', asker).lines, [
    'Host: a.com',
    'Accept: */*',
    'Cookie: a=b',
    'X-Forwarded-For: 203.0.113.9, 192.0.2.7',
    'X-Forwarded-Host: a.com',
    'X-Forwarded-Port: 443',
    'X-Forwarded-Proto: https',
    'X-Real-IP: 192.0.2.7',
  ]);
});

test('answeredHeaders leaves out what belongs to the connection of the backend', () => {
  const given = list('Server: x', 'Connection: X-Own', 'X-Own: 1', 'Transfer-Encoding: chunked', 'Set-Cookie: a');
  assert.deepEqual(answeredHeaders(given).lines, ['Server: x', 'Set-Cookie: a']);
});

test('changeHeaders sets, then adds, then removes, whatever the case of a name', () => {
  const headers = list('X-A: 1', 'x-a: 2', 'X-B: 1', 'X-C: 1');
  changeHeaders(headers, { set: [['x-a', '3']], add: [['x-b', '2']], remove: ['x-c'] });
  assert.deepEqual(headers.lines, ['X-B: 1', 'x-a: 3', 'x-b: 2']);
  assert.equal(headers.get('x-b'), '1, 2');
});

test('rewritten replaces the whole path or the prefix that was matched', () => {
  const prefix = (path: string, from: string, value: string) =>
    rewritten(path, '', from, { path: { replace: 'prefix', value } });
  const rows: readonly (readonly [string, string, string, string])[] = [
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '', '/bar'],
    ['/foo/', '/foo', '', '/'],
    ['/foo', '/foo', '', '/'],
    ['/foo', '/foo', '/', '/'],
    ['/foo/bar', '/foo', '/', '/bar'],
  ];
  for (const [path, from, value, expected] of rows)
    assert.equal(prefix(path, from, value), expected, `${path} ${value}`);
  assert.equal(rewritten('/a/b', 'q=1', '/a', { path: { replace: 'whole', value: '/x' } }), '/x?q=1');
  assert.equal(rewritten('/a', '', '/a', undefined), '/a');
});

test('redirectLocation keeps what is not changed, and names a port only where it is not the usual one', () => {
  const asked = { host: 'a.com', port: 8081, secure: false, path: '/p', query: 'q=1' };
  const to = (more: object) => redirectLocation({ type: 'redirect', status: 302, ...more }, asked, '/p');
  assert.equal(to({ scheme: 'https' }), 'https://a.com/p?q=1');
  assert.equal(to({ hostname: 'b.com' }), 'http://b.com:8081/p?q=1');
  assert.equal(to({ scheme: 'https', port: 8443 }), 'https://a.com:8443/p?q=1');
  assert.equal(to({ port: 80 }), 'http://a.com/p?q=1');
  assert.equal(to({ path: { replace: 'prefix', value: '/x' } }), 'http://a.com:8081/x?q=1');
});
