import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logFields } from './log-fields.ts';

test('logFields names the pod and its node, a node, or any other object with its kind', () => {
  assert.deepEqual(logFields({ kind: 'Pod', namespace: 'a', name: 'web', node: 'n' }), { pod: 'a/web', node: 'n' });
  assert.deepEqual(logFields({ kind: 'Pod', namespace: 'a', name: 'web' }), { pod: 'a/web' });
  assert.deepEqual(logFields({ kind: 'Node', name: 'n' }), { node: 'n' });
  assert.deepEqual(logFields({ kind: 'Job', namespace: 'a', name: 'j' }), { kind: 'Job', object: 'a/j' });
});
