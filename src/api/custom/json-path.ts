import { isObject, type Json } from '../../base/json.ts';

/** A path that names fields only, `.spec.replicas`: the value there. */
export function atPath(value: Json | undefined, path: string): Json | undefined {
  let at: Json | undefined = value;
  for (const name of namesOf(path)) {
    if (!isObject(at) || !Object.hasOwn(at, name)) return undefined;
    at = at[name];
  }
  return at;
}

export const namesOf = (path: string): readonly string[] =>
  path
    .replace(/^\{(.*)\}$/, '$1')
    .replace(/\\\./g, '\u0000')
    .split('.')
    .filter((name) => name !== '')
    .map((name) => name.replaceAll('\u0000', '.'));

/** The object with another value at a path. */
export function withPath(value: Json | undefined, path: string, next: Json): Json {
  const [first, ...rest] = namesOf(path);
  if (first === undefined) return next;
  const object = isObject(value) ? value : {};
  return {
    ...object,
    [first]: withPath(object[first], rest.map((name) => name.replaceAll('.', '\\.')).join('.'), next),
  };
}

interface Step {
  readonly name?: string;
  /** `[0]`, `[-1]`, `[*]` */
  readonly index?: number | '*';
  /** `[?(@.type=="Ready")]` */
  readonly filter?: { readonly path: string; readonly equal: boolean; readonly value: string };
}

const stepForm =
  /\.?(?:\['([^']*)'\]|\["([^"]*)"\]|\[(-?\d+|\*)\]|\[\?\(@\.([\w.-]+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+))\)\]|((?:\\.|[^.[\]\\])+))/y;

/** The values that a printer column's path finds: names, indexes, all items, items that compare equal. */
export function findAll(value: Json, path: string): readonly Json[] {
  let found: readonly Json[] = [value];
  for (const step of stepsOf(path)) found = found.flatMap((at) => stepped(at, step));
  return found;
}

function stepsOf(path: string): readonly Step[] {
  const steps: Step[] = [];
  stepForm.lastIndex = 0;
  while (stepForm.lastIndex < path.length) {
    const match = stepForm.exec(path);
    if (!match) return steps;
    const [, quoted, doubled, index, filterPath, operator, a, b, c, name] = match;
    if (filterPath !== undefined) {
      steps.push({ filter: { path: filterPath, equal: operator === '==', value: a ?? b ?? c ?? '' } });
    } else if (index !== undefined) steps.push({ index: index === '*' ? '*' : Number(index) });
    else steps.push({ name: quoted ?? doubled ?? (name as string).replaceAll('\\.', '.') });
  }
  return steps;
}

function stepped(value: Json, { name, index, filter }: Step): readonly Json[] {
  if (name !== undefined) return isObject(value) && Object.hasOwn(value, name) ? [value[name] as Json] : [];
  if (!Array.isArray(value)) return index === '*' && isObject(value) ? Object.values(value) : [];
  const list: readonly Json[] = value;
  if (index === '*') return list;
  if (index !== undefined) {
    const item = list.at(index);
    return item === undefined ? [] : [item];
  }
  return list.filter((item) => {
    const at = atPath(item, filter?.path ?? '');
    return at !== undefined && (String(at) === filter?.value) === filter?.equal;
  });
}
