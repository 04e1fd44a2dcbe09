import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import type { Part } from './defaulting.ts';
import { defineKind } from './define.ts';

export interface ServiceAccount extends KubeObject<Part, Part> {}

export const serviceAccounts: Kind<ServiceAccount> = defineKind<ServiceAccount>('v1', 'ServiceAccount', {
  answersDeleted: true,
  warnings: (account) =>
    account.metadata.annotations?.[enforcedSecrets] === 'true'
      ? [`metadata.annotations[${enforcedSecrets}]: ${enforcedWords}`]
      : [],
  columns: columnsOf('Name', 'Age'),
  cells: (object, now) => [object.metadata.name, ageCell(object, now)],
});

const enforcedSecrets = 'kubernetes.io/enforce-mountable-secrets';
const enforcedWords = 'deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets';
