import type { ResourceQuota } from '../kinds/resource-quota.ts';

/** Which objects a quota is about. */
export interface Scope {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

interface ScopedSpec {
  readonly scopes?: readonly string[];
  readonly scopeSelector?: { readonly matchExpressions?: readonly Scope[] };
}

export function scopesOf({ spec }: ResourceQuota): readonly Scope[] {
  const { scopes = [], scopeSelector } = (spec ?? {}) as ScopedSpec;
  return [
    ...scopes.map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(scopeSelector?.matchExpressions ?? []),
  ];
}

/** Whether the name that an object gives, or that it gives none, is what the scope is about. */
export function fitsScope({ operator, values = [] }: Scope, name: string | undefined): boolean {
  switch (operator) {
    case 'Exists':
      return name !== undefined;
    case 'DoesNotExist':
      return name === undefined;
    case 'In':
      return name !== undefined && values.includes(name);
    case 'NotIn':
      return name === undefined || !values.includes(name);
    default:
      return false;
  }
}
