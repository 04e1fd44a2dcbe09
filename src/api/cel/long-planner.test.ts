import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finish, stepMembersMax } from '../../base/steps.ts';
import { CostExceeded } from './cel-error.ts';
import { baseEnvironment } from './kubernetes.ts';
import { compile, type Program, perCallCostMax } from './program.ts';
import { bool, dyn, int, listOf } from './type.ts';

const environment = baseEnvironment.withVariables({ numbers: listOf(int), yes: bool, any: dyn });
const numbers = Array.from({ length: 300 }, (_, index) => BigInt(index));
const inputs = (name: string) => ({ numbers, yes: true, any: numbers[3] as bigint })[name];

function compiled(source: string): Program {
  const { program, error = '' } = compile(environment, source);
  assert.ok(program, error);
  return program;
}

const within = 'numbers.all(a, numbers.exists(b, b == a))';
const sources = [
  within,
  `!${within} || yes`,
  `yes && ${within}`,
  `yes ? ${within} : false`,
  `(yes ? numbers : []).all(a, ${within})`.replaceAll('numbers.exists', 'numbers.filter(c, c < 3).exists'),
  'numbers.map(a, [a, 2].map(b, a * b)).size() == 300',
  'numbers.filter(a, numbers.filter(b, b > a).size() > 200).map(c, c + 1)',
  `[1, ${within} ? 2 : 3, numbers.filter(a, a < 2).size()]`,
  `{'all': ${within}, 'some': numbers.exists_one(a, a == 7)}`,
  'numbers.transformMap(i, a, a > 290, numbers.map(b, b + a).size()).size()',
  'optional.of(numbers.filter(a, a > 290)).orValue(numbers.map(a, a)).size()',
  'optional.none().orValue(numbers.map(a, a)).size()',
  'size(numbers.map(a, a)) + numbers.filter(a, a > 2)[0]',
  "any.all(a, a) || 'x' == any",
  'numbers.map(a, numbers.map(b, a / b)).size() > 0',
];
for (const source of sources) {
  test(`In steps the same comes out of ${source}`, () => {
    const program = compiled(source);
    assert.deepEqual(finish(program.evaluateInSteps(inputs)), program.evaluate(inputs));
  });
}

test('Loops in loops give way, wherever they stand', () => {
  for (const source of sources.filter((one) => one.includes(within))) {
    const steps = [...compiled(source).evaluateInSteps(inputs)];
    assert.ok(steps.length > 100, source);
    // An inner loop is left only between two of its elements.
    assert.ok(Math.max(...steps) < stepMembersMax + 50, source);
  }
});

test('What is too dear is left as soon as it is', () => {
  const program = compiled('numbers.all(a, numbers.all(b, numbers.all(c, a + b + c >= 0)))');
  let members = 0;
  assert.throws(() => {
    for (const taken of program.evaluateInSteps(inputs)) members += taken;
  }, CostExceeded);
  assert.ok(members <= perCallCostMax && members > perCallCostMax - 2 * stepMembersMax);
});

test('An expression without loops is one step', () => {
  const program = compiled('numbers.size() == 300 && yes');
  assert.equal(program.hasLoops, false);
  assert.deepEqual([...program.evaluateInSteps(inputs)], []);
});
