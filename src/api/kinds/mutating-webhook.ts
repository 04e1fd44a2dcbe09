import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changedItems, filled, type Part, partsOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { webhookDefaults } from './match-defaults.ts';
import { mutatingWebhookRules } from './webhook-rules.ts';

export interface MutatingWebhookConfiguration extends KubeObject<Part, Part> {}

export const mutatingWebhooks: Kind<MutatingWebhookConfiguration> = defineKind<MutatingWebhookConfiguration>(
  'admissionregistration.k8s.io/v1',
  'MutatingWebhookConfiguration',
  {
    hasGeneration: true,
    validate: mutatingWebhookRules,
    needsRevision: true,
    defaults: (configuration) =>
      changedItems(configuration, 'webhooks', (webhook) =>
        filled(webhookDefaults(webhook), { reinvocationPolicy: 'Never' }),
      ),
    columns: columnsOf('Name', 'Webhooks:integer', 'Age'),
    cells: (configuration, now) => [
      configuration.metadata.name,
      partsOf((configuration as unknown as Part).webhooks).length,
      ageCell(configuration, now),
    ],
  },
);
