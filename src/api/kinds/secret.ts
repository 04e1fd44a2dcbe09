import { encodeBase64 } from '../../base/base64.ts';
import { encodeText } from '../../base/json.ts';
import { finish, membersIn, namesIn, type Steps, Stride } from '../../base/steps.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject, Labels } from '../object.ts';
import { copied, define } from '../patch/merge.ts';
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

function* defaulted(secret: Secret): Steps<Secret> {
  const { stringData, ...rest } = secret;
  const typed = { ...rest, type: rest.type || 'Opaque' };
  if (!stringData) return typed;
  const stride = new Stride();
  const data = (yield* copied(rest.data ?? {}, stride)) as Record<string, string>;
  for (const key of namesIn(stringData)) {
    const text = stringData[key] as string;
    if (stride.isLong(membersIn(text))) yield stride.taken();
    define(data, key, encodeBase64(encodeText(text)));
  }
  return namesIn(data).length > 0 ? { ...typed, data } : typed;
}

export const secrets: Kind<Secret> = defineKind<Secret>('v1', 'Secret', {
  ...secretRules,
  warnings: secretWarnings,
  defaults: (secret) => finish(defaulted(secret)),
  defaultsInSteps: defaulted,
  columns: columnsOf('Name', 'Type', 'Data', 'Age'),
  cells: (secret, now) => [
    secret.metadata.name,
    secret.type ?? '',
    Object.keys(secret.data ?? {}).length,
    ageCell(secret, now),
  ],
  fields: (secret) => ({ type: secret.type ?? '' }),
});
