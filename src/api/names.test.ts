import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dnsLabel, dnsSubdomain, isIpv6, labelValue, portName, qualifiedName } from './names.ts';

test('A DNS label may be 63 characters long, and no longer', () => {
  assert.deepEqual(dnsLabel('a'.repeat(63)), []);
  assert.deepEqual(dnsLabel('a'.repeat(64)), ['must be no more than 63 characters']);
});

test('A subdomain is labels between dots', () => {
  assert.deepEqual(dnsSubdomain('a.b-c.d'), []);
  assert.equal(dnsSubdomain('a..b').length, 1);
});

test('An empty key tells that it is empty and that it breaks the pattern', () => {
  const sentences = qualifiedName('');
  assert.equal(sentences[0], 'name part must be non-empty');
  assert.equal(sentences.length, 2);
  assert.deepEqual(qualifiedName('example.com/name'), []);
});

test('A label value may be empty', () => {
  assert.deepEqual(labelValue(''), []);
  assert.equal(labelValue(' a b ').length, 1);
});

test('A port name has a letter and no doubled hyphens', () => {
  assert.deepEqual(portName('http'), []);
  assert.deepEqual(portName('a--b'), ['must not contain consecutive hyphens']);
  assert.deepEqual(portName('80'), ['must contain at least one letter (a-z)']);
});

test('An IPv6 address may leave out zeros once', () => {
  assert.ok(isIpv6('2001:db8::1'));
  assert.ok(isIpv6('::'));
  assert.ok(isIpv6('::ffff:10.0.0.1'));
  assert.ok(!isIpv6('1::2::3'));
});
