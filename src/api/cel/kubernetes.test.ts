import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CelError, CostExceeded } from './cel-error.ts';
import { estimateCost } from './cost.ts';
import { baseEnvironment } from './kubernetes.ts';
import { authorizerOf, authorizerType, type Question } from './library/authorization.ts';
import { compile } from './program.ts';
import { listOf, string } from './type.ts';
import type { Value } from './value.ts';

function run(source: string): Value | string {
  const { program, error } = compile(baseEnvironment, source);
  if (!program) return error;
  const { result } = program.evaluate(() => undefined);
  return result instanceof CelError ? `error: ${result.message}` : result;
}

const truths = [
  "'abc 123 x45'.findAll('[0-9]+') == ['123', '45'] && 'abc'.find('[0-9]') == ''",
  "[1, 2, 2, 5].isSorted() && [3, 1].min() == 1 && [1.5, 2.5].sum() == 4.0 && ['b', 'a'].max() == 'b'",
  '[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2',
  'sets.contains([1, 2], [2]) && !sets.intersects([1], [2]) && sets.equivalent([1, 2, 1], [2, 1])',
  "url('https://user@example.com:80/a b?k=v&k=w').getHost() == 'example.com:80'",
  "url('https://[::1]:80/a b').getHostname() == '::1' && url('/a b').getEscapedPath() == '/a%20b'",
  "url('https://x/?k=v&k=w').getQuery() == {'k': ['v', 'w']} && !isURL('../x')",
  "ip('192.168.0.1').family() == 4 && ip('::1').isLoopback() && !isIP('::ffff:1.2.3.4') && !isIP('1.2.3.04')",
  "string(ip('2001:db8:0:0:0:0:0:1')) == '2001:db8::1' && !ip.isCanonical('2001:DB8::1')",
  "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR(cidr('10.1.0.0/16'))",
  "string(cidr('10.1.2.3/8').masked()) == '10.0.0.0/8' && cidr('10.1.2.3/8').prefixLength() == 8",
  "quantity('1.5Gi').isGreaterThan(quantity('1G')) && quantity('50k').asInteger() == 50000",
  "quantity('1').add(quantity('500m')).sub(1) == quantity('0.5') && !isQuantity('10 Mo')",
  "semver('1.2.3-rc.1').isLessThan(semver('1.2.3')) && semver('v1.02', true).minor() == 2 && !isSemver('v1.0.0')",
  "format.dns1123Label().validate('Bad_Name').hasValue() && !format.named('uuid').value().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()",
  "!format.named('nothing').hasValue()",
  "{'a': 1}.transformMap(k, v, v + 1) == {'a': 2} && [1, 2].transformList(i, v, i * v) == [0, 2]",
  "optional.of(1).optMap(x, x + 1).orValue(0) == 2 && optional.none().orValue('x') == 'x'",
  "[3, 1, 2].sort() == [1, 2, 3] && ['b', 'a'].sort() == ['a', 'b'] && [1, 2, 3].reverse() == [3, 2, 1]",
  "['bbb', 'a', 'cc'].sortBy(e, e.size()) == ['a', 'cc', 'bbb'] && [1, 2].sortBy(e, -e) == [2, 1]",
  "[1, 2, 1].distinct() == [1, 2] && [[1], [2, 3]].flatten() == [1, 2, 3] && ['a', 'b', 'a'].distinct() == ['a', 'b']",
  'lists.range(4).slice(1, 3) == [1, 2] && [1, 2].first().value() == 1 && !lists.range(-1).last().hasValue()',
  'optional.unwrap([optional.of(1), optional.none()]) == [1] && [optional.of(2)].unwrapOpt() == [2]',
  "'%s is %d'.format(['a', 1]) == 'a is 1' && '%s'.format([['a', 1.5]]) == '[\"a\", 1.500000]'",
  "timestamp('2024-02-29T00:00:00Z').getDayOfYear('+01:00') == 59 && duration('90m').getHours() == 1",
];
for (const source of truths) {
  test(`It holds that ${source}`, () => assert.equal(run(source), true));
}

test('A type error names its place as upstream does', () => {
  const wanted = [
    "compilation failed: ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'",
    " | 1 + 'a'",
    ' | ..^',
  ];
  assert.equal(run("1 + 'a'"), wanted.join('\n'));
});

test('Literals that are no duration, no time or no pattern are refused before anything runs', () => {
  assert.match(String(run("duration('1 hour')")), /invalid duration argument/);
  assert.match(String(run("timestamp('yesterday')")), /invalid timestamp argument/);
  assert.match(String(run("'a'.matches('(')")), /invalid matches argument/);
});

test('An evaluation stops when it has cost what it may', () => {
  const environment = baseEnvironment.withVariables({ words: listOf(string) });
  const { program } = compile(environment, 'words.all(a, words.all(b, a.contains(b)))');
  const words = Array.from({ length: 2000 }, () => 'x'.repeat(100));
  assert.throws(() => program?.evaluate(() => words), CostExceeded);
});

test('Costs are counted while a program runs and bounded before it does', () => {
  const environment = baseEnvironment.withVariables({ words: listOf(string) });
  const { program } = compile(environment, "words.all(w, w.startsWith('abc'))");
  assert.ok(program);
  const shape = { size: { min: 0, max: 10 }, element: { size: { min: 0, max: 100 } } };
  const { cost } = estimateCost(program.expression, program.checked, () => shape);
  const used = program.evaluate(() => Array.from({ length: 10 }, () => 'abcdef')).cost;
  assert.ok(used <= cost.max && used > 10, `${used} of at most ${cost.max}`);
});

test('What would be large or take long is paid before it is made', () => {
  assert.throws(() => run('lists.range(1000000000).size() > 0'), CostExceeded);
  const environment = baseEnvironment.withVariables({ words: listOf(string) });
  const words = Array.from({ length: 20_000 }, (_, index) => `${index}`);
  for (const source of ['words.sort().size() > 0', 'words.distinct().size() > 0']) {
    assert.throws(() => compile(environment, source).program?.evaluate(() => words), CostExceeded);
  }
});

test('Lists say why they cannot be changed so', () => {
  assert.equal(run('[1, 2].slice(1, 3) == []'), 'error: cannot slice(1, 3), list is length 2');
  assert.equal(run('[1].slice(-1, 0) == []'), 'error: cannot slice(-1, 0), negative indexes not supported');
  assert.equal(run('[[1]].flatten(-1) == []'), 'error: level must be non-negative');
  assert.match(String(run("[1, 'a'].sort() == []")), /expected type 'int' but found 'string'/);
});

test('The authorizer is asked what an expression puts together', () => {
  const environment = baseEnvironment.withVariables({ authorizer: authorizerType });
  const source =
    "authorizer.serviceAccount('ns', 'sa').group('apps').resource('deployments').namespace('x').check('get').allowed()";
  const { program } = compile(environment, source);
  const asked: Question[] = [];
  const authorizer = authorizerOf((question) => {
    asked.push(question);
    return { allowed: true, reason: '' };
  });
  assert.equal(program?.evaluate(() => authorizer).result, true);
  const where = { namespace: 'x', name: '', subresource: '' };
  const what = { user: 'system:serviceaccount:ns:sa', group: 'apps', resource: 'deployments' };
  assert.deepEqual(asked, [{ ...what, ...where, verb: 'get' }]);
});
