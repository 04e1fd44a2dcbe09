import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oncePerHeaders } from './once-per-headers.ts';

test('frozen headers are read once, others each time, for they may say something else by then', () => {
  let reads = 0;
  const agentOf = oncePerHeaders((headers) => {
    reads++;
    return headers['user-agent'];
  });
  const frozen = Object.freeze({ 'user-agent': 'one' });
  assert.deepEqual([agentOf(frozen), agentOf(frozen), reads], ['one', 'one', 1]);
  // Nothing is an answer too.
  const silent = Object.freeze({});
  assert.deepEqual([agentOf(silent), agentOf(silent), reads], [undefined, undefined, 2]);
  const open: Record<string, string> = { 'user-agent': 'one' };
  agentOf(open);
  open['user-agent'] = 'two';
  assert.equal(agentOf(open), 'two');
});
