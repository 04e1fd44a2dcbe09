import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Notice } from '../client/action.ts';
import { SimClock } from '../sim/clock.ts';
import { EventThrift } from './event-thrift.ts';

const drain = () => new Promise<void>((resolve) => setImmediate(resolve));
const told = (message: string, uid = 'a'): Notice => {
  const metadata = { name: uid, uid, resourceVersion: '1', creationTimestamp: '' };
  return { verb: 'event', about: { apiVersion: 'v1', kind: 'Pod', metadata }, reason: 'Made', message };
};

test('EventThrift combines the tenth notice that differs only in its message, and all that follow', () => {
  const thrift = new EventThrift(new SimClock());
  const taken = Array.from({ length: 11 }, (_, n) => thrift.take(told(`Created pod: ${n}`)));
  const messages = taken.map((one) => one?.notice.message);
  assert.deepEqual(messages.slice(8), [
    'Created pod: 8',
    '(combined from similar events): Created pod: 9',
    '(combined from similar events): Created pod: 10',
  ]);
  assert.equal(taken[9]?.identity, taken[10]?.identity);
  assert.notEqual(taken[7]?.identity, taken[8]?.identity);
});

test('EventThrift tells no more of an object after a burst, until time has passed', async () => {
  const clock = new SimClock();
  const thrift = new EventThrift(clock);
  const count = (times: number, uid: string) =>
    Array.from({ length: times }, () => thrift.take(told('Back-off', uid))).filter((one) => one !== undefined).length;
  assert.equal(count(30, 'a'), 25);
  assert.equal(count(30, 'b'), 25);
  await clock.run(600_000, drain);
  assert.equal(count(30, 'a'), 2);
});
