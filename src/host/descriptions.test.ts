import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readInterface, readModel, withMore } from './description-sources.ts';
import { describer } from './descriptions.ts';

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

const published = `import { ITime } from "./Time.js";
/**
 * Box holds things.
 */
export interface IBox extends TypeMeta {
    "kind": "Box";
    /**
     * What is in it.
     *
     * More than one.
     */
    "thing"?: IIoK8sApiCoreV1Thing;
}
/**
 * Box holds things.
 */
export declare class Box extends Model<IBox> implements IBox {
    "thing"?: IIoK8sApiCoreV1Thing;
}
export type { IBox as IIoK8sApiCoreV1Box, Box as IoK8sApiCoreV1Box };
`;

test('readInterface takes the words of fields that are objects too, with their line ends', () => {
  const fields = { '': 'Box holds things.', thing: 'What is in it.\n\nMore than one.' };
  assert.deepEqual(readInterface(published), { name: 'CoreV1Box', fields });
  assert.equal(readInterface('export interface Other {}'), undefined);
});

test('what two packages say is the words of the first, in the lines of the second, and what only the second says', () => {
  const values = 'How.\n\nPossible enum values:\n - `a` one way';
  const first = {
    V1Box: { '': 'Box.', size: 'new words', kind: 'one  two', mode: 'How.', port: 'IntOrString is a type.' },
    EventsV1Event: { note: 'n' },
  };
  const second = {
    CoreV1Box: { size: 'old words', kind: 'one\ntwo', thing: 'a thing', port: 'Where.', mode: values },
    EventsV1Event: { series: 's' },
    MetaV1beta1Row: { cells: 'c' },
  };
  assert.deepEqual(withMore(first, second), {
    V1Box: { '': 'Box.', size: 'new words', kind: 'one\ntwo', mode: values, port: 'Where.', thing: 'a thing' },
    EventsV1Event: { note: 'n', series: 's' },
  });
});
