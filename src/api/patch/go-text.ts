import { isObject, type Json } from '../../base/json.ts';
import { compareText } from '../../base/text.ts';

/** A JSON value as Go prints it, which is how upstream's messages show patches: `map[a:1 b:[x y]]`. */
export function goText(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (!isObject(value)) return value === null ? '<nil>' : String(value);
  const names = Object.keys(value).sort(compareText);
  return `map[${names.map((name) => `${name}:${goText(value[name] as Json)}`).join(' ')}]`;
}

/** A JSON value as it would stand in a Go program: `map[string]interface {}{"a":1}`. */
export function goSyntax(value: Json): string {
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (!isObject(value)) return value === null ? 'interface {}(nil)' : JSON.stringify(value);
  const names = Object.keys(value).sort(compareText);
  const members = names.map((name) => `${JSON.stringify(name)}:${goSyntax(value[name] as Json)}`);
  return `map[string]interface {}{${members.join(', ')}}`;
}
