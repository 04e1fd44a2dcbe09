import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changedItems, type Part, partsOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { webhookDefaults } from './match-defaults.ts';
import { validatingWebhookRules } from './webhook-rules.ts';

export interface ValidatingWebhookConfiguration extends KubeObject<Part, Part> {}

export const validatingWebhooks: Kind<ValidatingWebhookConfiguration> = defineKind<ValidatingWebhookConfiguration>(
  'admissionregistration.k8s.io/v1',
  'ValidatingWebhookConfiguration',
  {
    hasGeneration: true,
    validate: validatingWebhookRules,
    needsRevision: true,
    defaults: (configuration) => changedItems(configuration, 'webhooks', webhookDefaults),
    columns: columnsOf('Name', 'Webhooks:integer', 'Age'),
    cells: (configuration, now) => [
      configuration.metadata.name,
      partsOf((configuration as unknown as Part).webhooks).length,
      ageCell(configuration, now),
    ],
  },
);
