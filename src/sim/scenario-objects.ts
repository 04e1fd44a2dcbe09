import type { Kind } from '../api/kind.ts';
import { builtInKinds } from '../api/kinds/all.ts';
import type { Key, KubeObject } from '../api/object.ts';
import { assert } from '../base/env.ts';
import { isObject, type Json } from '../base/json.ts';
import { act } from '../client/action.ts';
import type { Line, Stage } from './scenario.ts';
import type { Verb } from './scenario-verbs.ts';

// Verbs about objects of any kind, which the scenario writes out in JSON without blanks.

/** `persistentvolumeclaim`, or `widget.example.com/v1` for what a definition made. */
export function plainKind(name: string): Kind | undefined {
  const custom = /^([a-z]+)\.([a-z.]+)\/(v[0-9a-z]+)$/.exec(name);
  if (!custom) return builtInKinds.find(({ singular }) => singular === name);
  const [, singular = '', group = '', version = ''] = custom;
  const kind = `${singular[0]?.toUpperCase()}${singular.slice(1)}`;
  return {
    group,
    version,
    kind,
    plural: `${singular}s`,
    singular,
    namespaced: true,
    verbs: [],
    shortNames: [],
    categories: [],
    subresources: [],
    apiVersion: `${group}/${version}`,
    rules: {},
  };
}

function about(stage: Stage, { words, settings }: Line): { readonly kind: Kind; readonly key: Key } {
  const [, name = '', object = ''] = words;
  const kind = plainKind(name);
  assert(kind, `there is no kind ${name}`);
  return {
    kind,
    key: { namespace: kind.namespaced ? (settings['in'] ?? 'default') : '', name: stage.names.long(object) },
  };
}

/** A place where the uid of another object belongs: `"@configmap:parent"`. */
async function filled(stage: Stage, line: Line, value: Json): Promise<Json> {
  if (typeof value === 'string' && value.startsWith('@')) {
    const [kind = '', name = ''] = value.slice(1).split(':');
    const of = about(stage, { words: ['', kind, name], settings: line.settings });
    return (await stage.cluster.admin.get(of.kind, of.key)).metadata.uid;
  }
  if (Array.isArray(value)) return Promise.all(value.map((item) => filled(stage, line, item as Json)));
  if (!isObject(value)) return value;
  const pairs = Object.entries(value).map(async ([name, one]) => [name, await filled(stage, line, one)] as const);
  return Object.fromEntries(await Promise.all(pairs));
}

export const plainVerbs: Readonly<Record<string, Verb>> = {
  /** `make KIND NAME JSON` */
  make: async (stage, line) => {
    const { kind, key } = about(stage, line);
    const body = (await filled(stage, line, JSON.parse(line.words[3] ?? '{}') as Json)) as unknown as KubeObject;
    const metadata = { ...body.metadata, name: key.name, ...(key.namespace ? { namespace: key.namespace } : {}) };
    await stage.cluster.admin.send(act({ verb: 'create', kind, object: { ...body, metadata } }));
    return undefined;
  },
  /** `change KIND NAME JSON`, as a merge patch; `change KIND NAME JSON status` where a door of its own leads there. */
  change: async (stage, line) => {
    const { kind, key } = about(stage, line);
    const patch = await filled(stage, line, JSON.parse(line.words[3] ?? '{}') as Json);
    const [, , , , subresource] = line.words;
    await stage.cluster.admin.send(
      act({ verb: 'patch', kind, key, patch, ...(subresource === undefined ? {} : { subresource }) }),
    );
    return undefined;
  },
  /** `remove KIND NAME` */
  remove: async (stage, line) => {
    const { kind, key } = about(stage, line);
    const cascade = line.settings['cascade'] as 'Background' | 'Foreground' | 'Orphan' | undefined;
    await stage.cluster.admin.send(act({ verb: 'delete', kind, key, ...(cascade ? { propagation: cascade } : {}) }));
    return undefined;
  },
  /** `look KIND NAME PATH...`: what stands there now, each on a line. */
  look: async (stage, line) => {
    const { kind, key } = about(stage, line);
    const object = (await stage.cluster.admin.get(kind, key)) as unknown as Json;
    return line.words
      .slice(3)
      .map((path) => `${path}: ${JSON.stringify(valueAt(object, path.split('.'))) ?? '<none>'}`)
      .join('\n');
  },
};

function valueAt(value: Json | undefined, [first, ...rest]: readonly string[]): Json | undefined {
  if (first === undefined || value === undefined || value === null) return value;
  // Of a list each item is asked, so that `status.conditions.reason` names all of them.
  if (Array.isArray(value)) return value.map((item) => valueAt(item as Json, [first, ...rest]) ?? null);
  return isObject(value) ? valueAt(value[first], rest) : undefined;
}
