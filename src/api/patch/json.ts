import { equalJson, isObject, type Json } from '../../base/json.ts';
import { ApiError } from '../error.ts';
import { define } from './merge.ts';

interface Operation {
  readonly op?: unknown;
  readonly path?: unknown;
  readonly from?: unknown;
  readonly value?: Json;
}

const operationsMax = 10_000;

/** JSON patch (RFC 6902). The document is never changed in place. */
export function jsonPatch(document: Json, patch: Json): Json {
  if (!Array.isArray(patch)) throw new ApiError('BadRequest', 'a JSON patch is a list of operations');
  if (patch.length > operationsMax) {
    throw new ApiError(
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`,
    );
  }
  return patch.reduce<Json>((now, operation) => apply(now, operation as Operation), document);
}

function apply(document: Json, operation: Operation): Json {
  const path = pointer(operation.path, 'path');
  switch (operation.op) {
    case 'add':
      return set(document, path, needed(operation), 'add');
    case 'replace':
      find(document, path);
      return set(document, path, needed(operation), 'replace');
    case 'remove':
      find(document, path);
      return remove(document, path);
    case 'test':
      if (!equalJson(find(document, path), operation.value ?? null)) {
        throw refused(`testing value ${String(operation.path)} failed: test failed`);
      }
      return document;
    case 'move': {
      const from = pointer(operation.from, 'from');
      return set(remove(document, from), path, find(document, from), 'add');
    }
    case 'copy':
      return set(document, path, find(document, pointer(operation.from, 'from')), 'add');
    default:
      throw refused(`Unexpected kind: ${String(operation.op)}`);
  }
}

const refused = (why: string) =>
  new ApiError('Invalid', `the server rejected our request due to an error in our request: ${why}`, {});

function needed(operation: Operation): Json {
  if (operation.value === undefined) throw refused('the operation has no value');
  return operation.value;
}

function pointer(text: unknown, field: string): readonly string[] {
  if (typeof text !== 'string' || (text !== '' && !text.startsWith('/'))) {
    throw refused(`${field} ${JSON.stringify(text ?? null)} is not a JSON pointer such as /metadata/labels/app`);
  }
  return text
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function find(document: Json, path: readonly string[]): Json {
  let value: Json | undefined = document;
  for (const key of path) {
    if (Array.isArray(value)) value = value[indexOf(key, value.length - 1)] as Json | undefined;
    else value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    if (value === undefined) throw refused(`path /${path.join('/')} does not exist`);
  }
  return value as Json;
}

function indexOf(key: string, max: number): number {
  const index = /^(0|[1-9]\d*)$/.test(key) ? Number(key) : -1;
  if (index < 0 || index > max) throw refused(`index ${key} is out of range`);
  return index;
}

/** A copy of the document with the value at the path changed by `change`, which gets the container and the last key. */
function at(document: Json, path: readonly string[], change: (container: Json, key: string) => Json): Json {
  const [key, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) return change(document, key);
  const inner = at(find(document, [key]), rest, change);
  if (Array.isArray(document)) return document.with(Number(key), inner);
  const out = { ...(document as Record<string, Json>) };
  define(out, key, inner);
  return out;
}

function set(document: Json, path: readonly string[], value: Json, how: 'add' | 'replace'): Json {
  if (path.length === 0) return value;
  return at(document, path, (container, key) => {
    if (Array.isArray(container)) {
      const index =
        key === '-' && how === 'add' ? container.length : indexOf(key, container.length - (how === 'add' ? 0 : 1));
      return how === 'add' ? container.toSpliced(index, 0, value) : container.with(index, value);
    }
    if (!isObject(container)) throw refused(`path /${path.join('/')} does not exist`);
    const out = { ...container };
    define(out, key, value);
    return out;
  });
}

function remove(document: Json, path: readonly string[]): Json {
  if (path.length === 0) return null;
  return at(document, path, (container, key) => {
    if (Array.isArray(container)) return container.toSpliced(indexOf(key, container.length - 1), 1);
    const { [key]: _gone, ...rest } = container as Record<string, Json>;
    return rest;
  });
}
