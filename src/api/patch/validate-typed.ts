import { isObject, type Json } from '../../base/json.ts';
import { namesIn, type Steps, Stride } from '../../base/steps.ts';
import { elementText } from './field-set.ts';
import { goSyntax, goText } from './go-text.ts';
import { itemTag, type ListShape, type MapShape, type Shape, type StructShape } from './shape.ts';

/** What keeps a configuration from being of its type, in the words of upstream's typed values; '' when nothing does. */
export function* typeErrors(shape: Shape, value: Json): Steps<string> {
  const found: string[] = [];
  yield* check(shape, value, '', { found, stride: new Stride() });
  if (found.length <= 1) return found[0] ?? '';
  return ['errors:', ...found.map((line) => `  ${line}`)].join('\n');
}

interface Told {
  readonly found: string[];
  readonly stride: Stride;
}

function* check(shape: Shape, value: Json, path: string, told: Told): Steps<void> {
  const { found, stride } = told;
  if (stride.isLong(1)) yield stride.taken();
  if (value === null) return;
  switch (shape.is) {
    case 'scalar':
      checkScalar(shape.scalar, value, path, found);
      return;
    case 'list':
      if (Array.isArray(value)) yield* checkList(shape, value as readonly Json[], path, told);
      else found.push(`${path}: expected list, got ${boxed(value)}`);
      return;
    case 'struct':
    case 'map':
      if (isObject(value)) yield* checkMembers(shape, value, path, told);
      else found.push(`${path}: expected map, got ${boxed(value)}`);
      return;
    default:
  }
}

function checkScalar(scalar: string, value: Json, path: string, found: string[]): void {
  const is = typeof value;
  if (scalar === 'string' && is !== 'string') found.push(`${path}: expected string, got ${structured(value)}`);
  if (scalar === 'boolean' && is !== 'boolean') found.push(`${path}: expected boolean, got ${boxed(value)}`);
  if (scalar === 'number' && is !== 'number') {
    found.push(`${path}: expected numeric (int or float), got ${goTypeOf(value)}`);
  }
  if (scalar === 'any' && is === 'object') found.push(`${path}: expected any scalar, got ${boxed(value)}`);
}

function* checkMembers(
  shape: StructShape | MapShape,
  value: { readonly [name: string]: Json },
  path: string,
  told: Told,
): Steps<void> {
  for (const name of namesIn(value)) {
    const inner = value[name];
    if (inner === undefined) continue;
    const at = `${path}.${name}`;
    const member = shape.is === 'struct' ? shape.member(name)?.shape : shape.values;
    if (member) yield* check(member, inner, at, told);
    else told.found.push(`${at}: field not declared in schema`);
  }
}

function* checkList(shape: ListShape, list: readonly Json[], path: string, told: Told): Steps<void> {
  const { found } = told;
  const seen = new Set<string>();
  for (const [index, item] of list.entries()) {
    let at = `${path}[${index}]`;
    if (shape.how !== 'atomic') {
      const tag = itemTag(shape, item);
      if (tag === undefined) {
        found.push(`${path}: element ${index}: ${whyUntagged(shape, item)}`);
        continue;
      }
      at = path + elementText(tag);
      if (seen.has(tag)) found.push(`${path}: duplicate entries for key ${elementText(tag)}`);
      seen.add(tag);
    }
    yield* check(shape.items, item, at, told);
  }
}

function whyUntagged(shape: ListShape, item: Json): string {
  if (shape.how === 'set') {
    if (item === null) return 'associative list without keys has an element that is an explicit null';
    if (Array.isArray(item)) return 'not supported: associative list with lists as elements';
    return "associative list without keys has an element that's a map type";
  }
  if (item === null) return 'associative list with keys may not have a null element';
  if (!isObject(item)) return 'associative list with keys may not have non-map elements';
  const keys = shape.keys.map(({ name }) => JSON.stringify(name)).join(' ');
  return `associative list with keys has an element that omits all key fields [${keys}] (and doesn't have default values for any key fields)`;
}

// Upstream's messages show how it holds values inside; tools read them.
const boxed = (value: Json): string => `&{${goText(value)}}`;
const structured = (value: Json): string => `&value.valueUnstructured{Value:${goSyntax(value)}}`;

function goTypeOf(value: Json): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'string' ? 'string' : 'map[string]interface {}';
}
