import { encodeBase64 } from '../../base/base64.ts';
import { encodeText } from '../../base/json.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject, Labels } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { defineKind } from './define.ts';
import { secretRules } from './secret-rules.ts';
import { secretWarnings } from './secret-warnings.ts';

export interface Secret extends KubeObject<never, never> {
  readonly data?: Labels;
  readonly stringData?: Labels;
  readonly immutable?: boolean;
  readonly type?: string;
}

export const secrets: Kind<Secret> = defineKind<Secret>('v1', 'Secret', {
  ...secretRules,
  warnings: secretWarnings,
  defaults: (secret) => {
    const { stringData, ...rest } = secret;
    const typed = { ...rest, type: rest.type || 'Opaque' };
    if (!stringData) return typed;
    const encoded = Object.entries(stringData).map(([key, text]) => [key, encodeBase64(encodeText(text))]);
    const data = { ...rest.data, ...Object.fromEntries(encoded) };
    return Object.keys(data).length > 0 ? { ...typed, data } : typed;
  },
  columns: columnsOf('Name', 'Type', 'Data', 'Age'),
  cells: (secret, now) => [
    secret.metadata.name,
    secret.type ?? '',
    Object.keys(secret.data ?? {}).length,
    ageCell(secret, now),
  ],
  fields: (secret) => ({ type: secret.type ?? '' }),
});
