import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { defineKind } from './define.ts';
import type { Condition } from './pod.ts';

export interface Namespace
  extends KubeObject<
    { readonly finalizers?: readonly string[] },
    { readonly phase?: string; readonly conditions?: readonly Condition[] }
  > {}

export const namespaces: Kind<Namespace> = defineKind<Namespace>('v1', 'Namespace');
