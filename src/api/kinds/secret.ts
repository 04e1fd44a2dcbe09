import type { Kind } from '../kind.ts';
import type { KubeObject, Labels } from '../object.ts';
import { defineKind } from './define.ts';

export interface Secret extends KubeObject<never, never> {
  readonly data?: Labels;
  readonly immutable?: boolean;
  readonly type?: string;
}

export const secrets: Kind<Secret> = defineKind<Secret>('v1', 'Secret');
