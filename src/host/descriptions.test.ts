import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describer, readModel } from './descriptions.ts';

const model = `import { V1Thing } from '../models/V1Thing.js';
/**
* Box holds a thing\\'s parts.
*/
export declare class V1Box {
    /**
    * How it goes on: \\"more\\" or nothing.
    */
    '_continue'?: string;
    'thing'?: V1Thing;
    static readonly discriminator: string | undefined;
}
`;

test('readModel takes the words of a class and of its members, as they were before they became a comment', () => {
  assert.deepEqual(readModel(model), {
    '': "Box holds a thing's parts.",
    continue: 'How it goes on: "more" or nothing.',
  });
});

test('a description is found by the name of its class, with the group where two groups have the class', () => {
  const describe = describer(() => ({ V1Box: { '': 'a box' }, CoreV1Event: { '': 'an event', reason: 'why' } }));
  assert.equal(describe('core.v1.Box', ''), 'a box');
  assert.equal(describe('core.v1.Event', 'reason'), 'why');
  assert.equal(describe('events.v1.Event', ''), undefined);
  assert.equal(describe('core.v1.Box', 'toString'), undefined);
});
