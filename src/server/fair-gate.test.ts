import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isApiError } from '../api/error.ts';
import { FairGate } from './fair-gate.ts';

const limits = { atOnce: 2, atOncePerUser: 2, waitingPerUser: 3, waiting: 4 };

test('FairGate lets requests in at once while there is room', () => {
  const gate = new FairGate(limits);
  assert.equal(gate.enter('a'), undefined);
  assert.equal(gate.enter('a'), undefined);
  assert.equal(gate.inside, 2);
  gate.leave('a');
  assert.equal(gate.enter('b'), undefined);
  gate.leave('a');
  gate.leave('b');
  assert.deepEqual([gate.inside, gate.waiting], [0, 0]);
});

test('FairGate lets users take turns, however many requests one of them has', async () => {
  const gate = new FairGate(limits);
  gate.enter('flood');
  gate.enter('flood');
  const order: string[] = [];
  for (const user of ['flood', 'flood', 'flood', 'other']) void gate.enter(user)?.then(() => order.push(user));
  assert.equal(gate.waiting, 4);
  for (const user of ['flood', 'flood', 'flood', 'other']) {
    gate.leave(user);
    await Promise.resolve();
  }
  assert.deepEqual(order, ['flood', 'other', 'flood', 'flood']);
  gate.leave('flood');
  gate.leave('flood');
  assert.deepEqual([gate.inside, gate.waiting], [0, 0]);
});

test('FairGate refuses what would wait too long, and says when to come again', () => {
  const gate = new FairGate(limits);
  const refused = (user: string) =>
    assert.throws(
      () => gate.enter(user),
      (error) => isApiError(error, 'TooManyRequests') && error.details?.retryAfterSeconds === 1,
    );
  for (let n = 0; n < 5; n++) void gate.enter('flood');
  refused('flood');
  void gate.enter('other');
  refused('third');
  assert.deepEqual([gate.inside, gate.waiting], [2, 4]);
});

test('FairGate keeps places free for others when all that a user has inside waits for something slow', () => {
  const gate = new FairGate({ atOnce: 3, atOncePerUser: 2, waitingPerUser: 3, waiting: 4 });
  for (let n = 0; n < 4; n++) void gate.enter('slow');
  assert.deepEqual([gate.inside, gate.waiting], [2, 2]);
  assert.equal(gate.enter('other'), undefined);
  gate.leave('other');
  assert.deepEqual([gate.inside, gate.waiting], [2, 2]);
  gate.leave('slow');
  assert.deepEqual([gate.inside, gate.waiting], [2, 1]);
});
