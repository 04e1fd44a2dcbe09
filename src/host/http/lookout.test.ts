import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lookout } from './lookout.ts';

function loop() {
  let now = 0;
  const due: (() => void)[] = [];
  const lookout = new Lookout(
    () => now,
    (run) => void due.push(run),
  );
  return {
    lookout,
    /** A client alone asks and is answered. */
    answer: () => {
      lookout.asked();
      lookout.answered();
    },
    isLooking: () => due.length > 0,
    turn: (ms: number) => {
      now += ms;
      for (const run of due.splice(0)) run();
    },
  };
}

test('the loop looks for the next request for a moment after an answer, and no longer', () => {
  const { answer, isLooking, turn } = loop();
  answer();
  turn(0.3);
  assert.equal(isLooking(), true);
  turn(0.3);
  assert.equal(isLooking(), false);
});

test('what was found ends the look, and after its answer there is another', () => {
  const { lookout, answer, isLooking, turn } = loop();
  answer();
  for (let requests = 0; requests < 5; requests++) {
    turn(0.2);
    lookout.asked();
    turn(0);
    assert.equal(isLooking(), false);
    lookout.answered();
    assert.equal(isLooking(), true);
  }
});

test('who was answered before the loop looked again counts as found', () => {
  const { answer, isLooking, turn } = loop();
  answer();
  turn(0.4);
  answer();
  turn(0.4);
  assert.equal(isLooking(), true);
  turn(0.4);
  assert.equal(isLooking(), false);
  answer();
  assert.equal(isLooking(), false);
  answer();
  assert.equal(isLooking(), true);
});

test('whoever asks in the turn of the answer is not expected', () => {
  const { lookout, answer, turn } = loop();
  answer();
  assert.equal(lookout.isExpecting, false);
  turn(0.1);
  assert.equal(lookout.isExpecting, true);
  answer();
  assert.equal(lookout.isExpecting, false);
});

test('looks in vain make looks rare, until one finds something', () => {
  const { lookout, answer, isLooking, turn } = loop();
  const answersUntilLook = () => {
    let answers = 1;
    for (answer(); !isLooking(); answer()) answers++;
    return answers;
  };
  const needed: number[] = [];
  for (let look = 0; look < 9; look++) {
    needed.push(answersUntilLook());
    turn(1);
    assert.equal(isLooking(), false);
  }
  assert.deepEqual(needed, [1, 2, 3, 5, 9, 17, 33, 65, 65]);
  assert.equal(answersUntilLook(), 65);
  lookout.asked();
  turn(0);
  lookout.answered();
  assert.equal(isLooking(), true);
});

test('nobody looks where several ask at once', () => {
  const { lookout, isLooking } = loop();
  lookout.asked();
  lookout.asked();
  assert.equal(lookout.answered(), false);
  assert.equal(lookout.answered(), false);
  assert.equal(isLooking(), false);
});
