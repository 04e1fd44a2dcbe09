import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from './engine-client.ts';
import { Withheld, withheldBy } from './withheld.ts';

test('withheldBy names what a mask leaves out', () => {
  assert.deepEqual(withheldBy('000001ffffffffff'), []);
  assert.deepEqual(withheldBy('000001fffeffffff'), ['SYS_RESOURCE']);
  assert.deepEqual(withheldBy('000001fffffffffe'), ['CHOWN']);
});

test('Withheld learns nothing from other errors', () => {
  const withheld = new Withheld();
  assert.equal(withheld.learns(new EngineError(500, 'no such image')), false);
  assert.equal(withheld.learns(new Error('unable to apply caps: operation not permitted')), false);
  assert.deepEqual(withheld.names, []);
});
