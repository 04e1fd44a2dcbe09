import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCron } from './cron-schedule.ts';

const minutes = (text: string): readonly number[] => {
  const parsed = parseCron(`${text} * * * *`);
  assert.ok('schedule' in parsed && 'fields' in parsed.schedule);
  return [...parsed.schedule.fields.minute.values];
};
const wrong = (text: string): string => {
  const parsed = parseCron(text);
  return 'error' in parsed ? parsed.error : '';
};

test('A field is a value, a range, a list of them, each with a step', () => {
  assert.deepEqual(minutes('5'), [5]);
  assert.deepEqual(minutes('1-3,7'), [1, 2, 3, 7]);
  assert.deepEqual(minutes('*/20'), [0, 20, 40]);
  assert.deepEqual(minutes('50/4'), [50, 54, 58]);
  assert.deepEqual(minutes('10-20/5'), [10, 15, 20]);
});

test('Months and days have names', () => {
  const parsed = parseCron('0 0 * JAN-mar sun');
  assert.ok('schedule' in parsed && 'fields' in parsed.schedule);
  const { month, dayOfWeek, dayOfMonth } = parsed.schedule.fields;
  assert.deepEqual([[...month.values], [...dayOfWeek.values]], [[1, 2, 3], [0]]);
  assert.deepEqual([dayOfMonth.isAny, dayOfWeek.isAny], [true, false]);
});

test('Words stand for whole schedules', () => {
  assert.deepEqual(parseCron('@daily'), parseCron('0 0 * * *'));
  assert.deepEqual(parseCron('@every 1m30.7s'), { schedule: { everyMs: 90_000 } });
  assert.equal(wrong('@never'), 'unrecognized descriptor: @never');
});

test('A schedule may name its time zone', () => {
  const parsed = parseCron('CRON_TZ=Asia/Tokyo 0 6 * * *');
  assert.ok('schedule' in parsed);
  assert.equal(parsed.schedule.timeZone, 'Asia/Tokyo');
  assert.match(wrong('TZ=Nowhere 0 6 * * *'), /^provided bad location Nowhere/);
});

const mistakes: readonly (readonly [text: string, sentence: string])[] = [
  ['', 'empty spec string'],
  ['* * *', 'expected exactly 5 fields, found 3: [* * *]'],
  ['60 * * * *', 'end of range (60) above maximum (59): 60'],
  ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
  ['9-3 * * * *', 'beginning of range (9) beyond end of range (3): 9-3'],
  ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
  ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
  ['*/0 * * * *', 'step of range should be a positive number: */0'],
  ['x * * * *', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
];
for (const [text, sentence] of mistakes) {
  test(`Of ${JSON.stringify(text)} it is said: ${sentence}`, () => assert.equal(wrong(text), sentence));
}

test('No text breaks the reader, and what it reads stays inside the bounds', () => {
  const expression = fc.stringMatching(/^[-0-9*?,/]{1,6}$/);
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(expression, { minLength: 5, maxLength: 5 }).map((parts) => parts.join(' ')),
      ),
      (text) => {
        const parsed = parseCron(text);
        if ('error' in parsed || !('fields' in parsed.schedule)) return;
        for (const hour of parsed.schedule.fields.hour.values) assert.ok(hour >= 0 && hour <= 23);
      },
    ),
  );
});
