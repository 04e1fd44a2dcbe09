import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../cli/flags.ts';
import { nodeIpOf } from './settings.ts';

test('nodeIpOf takes an address, or nothing, and refuses what is no address', () => {
  assert.equal(nodeIpOf({ 'node-ip': '192.0.2.7' }), '192.0.2.7');
  assert.equal(nodeIpOf({ 'node-ip': undefined }), undefined);
  const wrong = new UsageError('--node-ip is an address such as 192.0.2.7, not "here"');
  assert.throws(() => nodeIpOf({ 'node-ip': 'here' }), wrong);
});
