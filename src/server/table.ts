import type { Column, Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import type { Json } from '../base/json.ts';

const defaultColumns: readonly Column[] = [
  { name: 'Name', type: 'string', format: 'name' },
  { name: 'Created At', type: 'date' },
];

/** How `kubectl get` sees objects: rows of cells. */
export function tableOf(
  kind: Kind,
  objects: readonly KubeObject[],
  options: { readonly now: Instant; readonly include: string; readonly metadata: Json; readonly headless?: boolean },
): Json {
  const columns = kind.rules.columns ?? defaultColumns;
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.metadata,
    columnDefinitions: options.headless
      ? []
      : columns.map(({ name, type = 'string', format = '', priority = 0 }) => ({
          name,
          type,
          format,
          description: '',
          priority,
        })),
    rows: objects.map((object) => ({
      cells: kind.rules.cells?.(object, options.now) ?? [object.metadata.name, object.metadata.creationTimestamp],
      ...rowObject(object, options.include),
    })),
  };
}

function rowObject(object: KubeObject, include: string): { readonly object?: Json } {
  if (include === 'None') return {};
  if (include === 'Object') return { object: object as unknown as Json };
  return { object: partialMetadata(object) };
}

export function partialMetadata(object: KubeObject): Json {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata as unknown as Json };
}
