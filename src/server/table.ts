import { ApiError } from '../api/error.ts';
import type { Column, Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { type ApiRequest, queryValue } from '../api/wire.ts';
import type { Instant } from '../base/env.ts';
import type { Json } from '../base/json.ts';

const defaultColumns: readonly Column[] = [
  { name: 'Name', type: 'string', format: 'name' },
  { name: 'Created At', type: 'date' },
];

interface TableOptions {
  readonly now: Instant;
  readonly include: string;
  readonly metadata: Json;
  /** Of meta.k8s.io. */
  readonly version?: string;
  readonly headless?: boolean;
}

/** How `kubectl get` sees objects: rows of cells. */
export function tableOf(kind: Kind, objects: readonly KubeObject[], options: TableOptions): Json {
  const columns = kind.rules.columns ?? defaultColumns;
  const { version = 'v1' } = options;
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: options.metadata,
    columnDefinitions: options.headless
      ? []
      : columns.map(({ name, type = 'string', format = '', description = '', priority = 0 }) => ({
          name,
          type,
          format,
          description,
          priority,
        })),
    rows: objects.map((object) => ({
      cells: kind.rules.cells?.(object, options.now) ?? [object.metadata.name, object.metadata.creationTimestamp],
      ...rowObject(kind, object, options),
    })),
  };
}

/** Which part of the objects the rows carry. */
export function includeOf(query: ApiRequest['query']): string {
  const include = queryValue(query, 'includeObject') || 'Metadata';
  if (['Metadata', 'Object', 'None'].includes(include)) return include;
  throw new ApiError(
    'BadRequest',
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(include)}: must be 'Metadata', 'Object', 'None', or empty`,
    {},
  );
}

function rowObject(kind: Kind, object: KubeObject, { include, version }: TableOptions): { readonly object?: Json } {
  if (include === 'None') return {};
  if (include === 'Object') return { object: object as unknown as Json };
  return { object: partialMetadata(kind, object, version) };
}

export function partialMetadata(kind: Kind, object: KubeObject, version = 'v1'): Json {
  const metadata = (kind.rules.inner?.(object) ?? object).metadata as unknown as Json;
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata };
}
