import type { Random } from '../src/base/env.ts';
import { jsonPatch, strategicPatch } from './patches.ts';
import { statuses, subresources } from './subresources.ts';
import { type Edit, edited, isObject } from './tree.ts';

/** A body that a real server took. */
export interface Base {
  readonly id: string;
  readonly kind: string;
  /** Of the collection. */
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What is changed at random and sent, and where. */
export interface Target extends Pick<Base, 'id' | 'kind' | 'body'> {
  readonly path: string;
  /** The object that it is a part of. */
  readonly object: string;
  readonly ways: readonly Way[];
}

export interface Way {
  readonly method: 'POST' | 'PUT' | 'PATCH';
  readonly type?: string;
  readonly query?: string;
  readonly bodyOf: (random: Random, body: unknown, edit: Edit) => unknown;
}

const whole = (_random: Random, body: unknown, edit: Edit): unknown => edited(body, [edit]);
const create: Way = { method: 'POST', bodyOf: whole };
const update: Way = { method: 'PUT', bodyOf: whole };
const merge: Way = { method: 'PATCH', type: 'application/merge-patch+json', bodyOf: whole };
const strategic: Way = { method: 'PATCH', type: 'application/strategic-merge-patch+json', bodyOf: strategicPatch };
const json: Way = { method: 'PATCH', type: 'application/json-patch+json', bodyOf: jsonPatch };
const apply: Way = {
  method: 'PATCH',
  type: 'application/apply-patch+yaml',
  query: '&fieldManager=alpha&force=true',
  bodyOf: whole,
};
const ofObjects: Readonly<Record<string, Way>> = { update, merge, strategic, json, apply };
const modes = ['create', ...Object.keys(ofObjects), 'status', 'subresource'];

export const nameOf = ({ body }: Base): string => String((body.metadata as { name?: string } | undefined)?.name ?? '');
const objectPath = (base: Base): string => `${base.path}/${encodeURIComponent(nameOf(base))}`;

export function targetsOf(mode: string, bases: readonly Base[]): readonly Target[] {
  const way = ofObjects[mode];
  if (mode === 'create') return bases.map((base) => ({ ...base, object: base.path, ways: [create] }));
  if (way) return bases.map((base) => ({ ...base, path: objectPath(base), object: objectPath(base), ways: [way] }));
  if (mode === 'status') return bases.flatMap(ofStatus);
  if (mode === 'subresource') return bases.flatMap(ofSubresources);
  throw new Error(`--mode ${mode} is none of ${modes.join(', ')}`);
}

const partAt = (base: Base, name: string): Omit<Target, 'body' | 'ways'> => ({
  ...{ id: `${base.id}/${name}`, kind: base.kind },
  ...{ path: `${objectPath(base)}/${name}`, object: objectPath(base) },
});

function ofStatus(base: Base): readonly Target[] {
  const { apiVersion, kind } = base.body;
  const said = { apiVersion, kind, metadata: { name: nameOf(base), labels: { via: 'status' } } };
  return (statuses[base.kind] ?? []).map((status) => ({
    ...partAt(base, 'status'),
    body: { ...said, status },
    ways: [update, merge, strategic, apply],
  }));
}

function ofSubresources(base: Base): readonly Target[] {
  return (subresources[base.kind] ?? []).map(({ name, methods, body }) => ({
    ...partAt(base, name),
    body: isObject(body.metadata) ? { ...body, metadata: { ...body.metadata, name: nameOf(base) } } : body,
    ways: methods.flatMap((method) => {
      if (method === 'POST') return [create];
      return method === 'PUT' ? [update] : [merge, strategic, apply];
    }),
  }));
}
