import type { Random } from '../src/base/env.ts';
import { at, type Edit, edited, isObject, type Tree } from './tree.ts';

type Path = readonly (string | number)[];
interface Operation {
  readonly op: string;
  readonly path?: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** What makes a JSON patch of a change, or nearly one. */
export function jsonPatch(random: Random, body: unknown, edit: Edit): readonly Operation[] {
  const [kind, path, value] = edit;
  const pointer = pointerTo(path);
  const change: Operation =
    kind === 'del'
      ? { op: 'remove', path: pointer }
      : { op: kind === 'set' && at(body, path) !== undefined ? 'replace' : 'add', path: pointer, value };
  switch (random.below(8)) {
    case 0:
      return [{ op: 'test', path: pointer, value: at(body, path) }, change];
    case 1:
      return [change, { op: 'test', path: pointer, value: value ?? null }];
    case 2:
      return [change, { op: 'copy', from: pointer, path: pointerTo(path.slice(0, -1)) }];
    case 3:
      return [{ op: 'move', from: pointer, path: `${pointerTo(path.slice(0, -1))}/-` }];
    case 4:
      return [{ op: 'copy', from: pointerTo(path.slice(0, -1)), path: pointer }];
    case 5:
      return [{ ...change, path: `${pointerTo(path.slice(0, -1))}/${odd[random.below(odd.length)]}` }];
    default:
      return [change];
  }
}

const odd = ['-', '-1', '0', '1', '99', '', '01', '~1', '~2', 'x~0y', '+1', '1e0'];

const pointerTo = (path: Path): string =>
  path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** By what upstream tells the items of most lists from each other. */
const keys = ['name', 'type', 'ip', 'containerPort', 'mountPath', 'devicePath', 'uid', 'port', 'topologyKey', 'key'];

/** The least that says a change in a strategic merge patch, with directives here and there. */
export function strategicPatch(random: Random, body: unknown, [kind, path, value]: Edit): unknown {
  const changed = edited(body, [[kind, path, value]]);
  if (random.below(6) === 0) return changed;
  const patch = partOf(changed, path);
  if (kind === 'del' && typeof path.at(-1) === 'string') put(patch, path, null);
  if (random.below(2) === 0) direct(random, patch, body, path.slice(0, -1));
  return patch;
}

/** A tree with what stands at a place, and of the lists on the way the one item that it stands in. */
function partOf(value: unknown, path: Path): unknown {
  const [first, ...rest] = path;
  if (first === undefined || value === null || typeof value !== 'object') return value;
  const below = partOf((value as Tree)[first], rest);
  if (Array.isArray(value)) return below === undefined ? [] : [withKeys(value[Number(first)], below)];
  return { [first]: below };
}

function withKeys(item: unknown, part: unknown): unknown {
  if (!isObject(item) || !isObject(part)) return part;
  return { ...Object.fromEntries(keys.flatMap((key) => (key in item ? [[key, item[key]]] : []))), ...part };
}

function put(patch: unknown, path: Path, value: unknown): void {
  let parent = patch;
  for (const key of path.slice(0, -1)) parent = inPatch(parent, key);
  if (isObject(parent)) parent[String(path.at(-1))] = value;
}

/** Lists of a patch have one item. */
const inPatch = (parent: unknown, key: string | number): unknown =>
  Array.isArray(parent) ? parent[0] : (parent as Tree | undefined)?.[key];

function direct(random: Random, patch: unknown, body: unknown, path: Path): void {
  const depth = random.below(path.length + 1);
  let [parent, original]: [unknown, unknown] = [patch, body];
  for (const key of path.slice(0, depth)) {
    [parent, original] = [inPatch(parent, key), (original as Tree | undefined)?.[key]];
  }
  if (Array.isArray(parent)) return void parent.push({ $patch: directives[random.below(directives.length)] });
  if (!isObject(parent) || !isObject(original)) return;
  const names = Object.keys(original);
  const name = names[random.below(Math.max(1, names.length))] ?? 'x';
  const list = original[name];
  switch (random.below(4)) {
    case 0:
      parent.$patch = directives[random.below(directives.length)];
      return;
    case 1:
      parent.$retainKeys = names.filter(() => random.below(3) > 0);
      return;
    case 2:
      parent[`$setElementOrder/${name}`] = Array.isArray(list) ? list.map(keyOf).reverse() : [];
      return;
    default:
      parent[`$deleteFromPrimitiveList/${name}`] = Array.isArray(list) ? list.slice(0, 1) : ['x'];
  }
}

const directives = ['replace', 'delete', 'merge', 'delete', 'replace', 'odd', 5];

function keyOf(item: unknown): unknown {
  if (!isObject(item)) return item;
  const key = keys.find((each) => each in item) ?? 'name';
  return { [key]: item[key] };
}
