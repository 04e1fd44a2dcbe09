import { ApiError } from '../api/error.ts';
import type { Column, Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { type ApiRequest, queryValue } from '../api/wire.ts';
import type { Instant } from '../base/env.ts';
import type { Json } from '../base/json.ts';

/** What a field of a type is for, where that is known. */
export type Describe = (type: string, field: string) => string | undefined;

const defaultColumns = (describe: Describe | undefined): readonly Column[] => {
  const about = (field: string) => ({ description: describe?.('meta.v1.ObjectMeta', field) ?? '' });
  return [
    { name: 'Name', type: 'string', format: 'name', ...about('name') },
    { name: 'Created At', type: 'date', ...about('creationTimestamp') },
  ];
};

interface TableOptions {
  readonly now: Instant;
  readonly include: string;
  readonly metadata: Json;
  /** Of meta.k8s.io. */
  readonly version?: string;
  readonly headless?: boolean;
  readonly describe?: Describe | undefined;
}

/** How `kubectl get` sees objects: rows of cells. */
export function tableOf(kind: Kind, objects: readonly KubeObject[], options: TableOptions): Json {
  const columns = kind.rules.columns ?? defaultColumns(options.describe);
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
    // Upstream has no list at all where nobody has said what the columns of a kind are.
    rows: objects.length === 0 && !kind.rules.columns ? null : objects.map((object) => rowOf(kind, object, options)),
  };
}

const rowOf = (kind: Kind, object: KubeObject, options: TableOptions): Json => ({
  cells: kind.rules.cells?.(object, options.now) ?? [object.metadata.name, object.metadata.creationTimestamp],
  ...rowObject(kind, object, options),
});

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
