import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tagOf } from './image-reference.ts';

const hash = `sha256:${'0123456789abcdef'.repeat(4)}`;

// As Kubernetes 1.36.3 decided over each whether to pull it always.
const latest = [
  ...['nginx', 'h.io', 'a/b/c', 'a__b', 'a---b', 'a_b', 'a.b', '1', 'Foo/bar', 'A.b/c', 'localhost/x'],
  ...['[::1]:5000/x', 'host:80/x:latest', `x:latest@${hash}`, 'x'.repeat(247), `h.io/${'x'.repeat(255)}`],
];
const others = [
  ...['x:', 'x:LATEST', 'x:1', `x:${'y'.repeat(129)}`, `x@${hash}`, 'x@sha256:0123', hash.slice(7), 'FOO', 'foo/Bar'],
  ...['a..b', 'a___b', 'a-', '-a', 'a.-b', 'a//b', 'a b', 'é', 'http://h/p', 'host:x/y', 'h.io/', '/x', ':latest', ''],
  ...['x:latest:latest', 'x'.repeat(248), `h.io/${'x'.repeat(256)}`],
];

test('An image without a tag is the latest one', () => {
  assert.deepEqual(
    latest.filter((image) => tagOf(image) !== 'latest'),
    [],
  );
});

test('A tag, a digest, and what is no image at all, is not', () => {
  assert.deepEqual(
    others.filter((image) => tagOf(image) === 'latest'),
    [],
  );
  assert.deepEqual([tagOf('x:1'), tagOf(`x@${hash}`), tagOf('a..b')], ['1', undefined, undefined]);
});

test('A long text that is nearly an image is refused at once', () => {
  const begun = process.cpuUsage();
  for (const part of ['a', 'a-', 'a.', 'a/', 'a:']) assert.notEqual(tagOf(`${part.repeat(2_000)}!`), 'latest');
  assert.ok(process.cpuUsage(begun).user < 1_000_000);
});
