import { CelError } from '../../api/cel/cel-error.ts';
import type { Environment } from '../../api/cel/environment.ts';
import { baseEnvironment } from '../../api/cel/kubernetes.ts';
import { compile } from '../../api/cel/program.ts';
import { bool, type CelType, dyn, listOf, mapOf, string } from '../../api/cel/type.ts';
import { type Result, type Value, ValueMap } from '../../api/cel/value.ts';
import type { Caller } from '../../api/wire.ts';
import type { Json, JsonObject } from '../../base/json.ts';

const claimsEnvironment = baseEnvironment.withVariables({ claims: mapOf(string, dyn) });
const userEnvironment = baseEnvironment.withVariables({ user: mapOf(string, dyn) });
const textOrList: readonly CelType[] = [string, listOf(string), dyn, listOf(dyn)];

/** An expression over a token's claims that gives texts. No text and an empty one are no value. */
export function claimTexts(source: string, at: string): (claims: JsonObject) => readonly string[] {
  const evaluate = compiled(claimsEnvironment, 'claims', { source, at, wanted: textOrList });
  return (claims) => {
    const value = evaluate(claims);
    if (value === null || value === '') return [];
    if (typeof value === 'string') return [value];
    if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value as readonly string[];
    throw new Error(`${at}: the expression gives neither a text nor a list of texts`);
  };
}

/** Undefined where the token's claims are as the expression wants them. */
export function claimCheck(rule: Rule): (claims: JsonObject) => string | undefined {
  const evaluate = compiled(claimsEnvironment, 'claims', { ...rule, wanted: [bool] });
  return (claims) => (evaluate(claims) === true ? undefined : complaint(rule));
}

/** The same for the user that the claims were made into. */
export function userCheck(rule: Rule): (caller: Caller) => string | undefined {
  const evaluate = compiled(userEnvironment, 'user', { ...rule, wanted: [bool] });
  return ({ name, uid = '', groups, extra }) =>
    evaluate({ username: name, uid, groups, extra }) === true ? undefined : complaint(rule);
}

interface Rule {
  readonly source: string;
  readonly at: string;
  readonly message: string;
}

const complaint = ({ source, message }: Rule): string => message || `validation expression '${source}' failed`;

function compiled(
  environment: Environment,
  variable: string,
  how: { readonly source: string; readonly at: string; readonly wanted: readonly CelType[] },
): (input: JsonObject) => Value {
  const { source, at, wanted } = how;
  const { program, error } = compile(environment, source, { wanted });
  if (!program) throw new Error(`${at}: ${error}`);
  return (input) => {
    const given = celValue(input);
    const { result } = program.evaluate((name): Result | undefined => (name === variable ? given : undefined));
    if (result instanceof CelError) throw new Error(`${at}: ${result.message}`);
    return result;
  };
}

function celValue(json: Json): Value {
  if (json === null || typeof json === 'string' || typeof json === 'boolean') return json;
  if (typeof json === 'number') return Number.isSafeInteger(json) ? BigInt(json) : json;
  if (Array.isArray(json)) return json.map(celValue);
  const map = new ValueMap();
  for (const [key, value] of Object.entries(json)) map.add(key, celValue(value));
  return map;
}
