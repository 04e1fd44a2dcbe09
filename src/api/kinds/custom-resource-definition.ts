import { timestamp } from '../../base/text.ts';
import type { CustomDefinition, DefinitionNames } from '../custom/definition.ts';
import { judgeDefinition, judgeDefinitionStatus } from '../custom/definition-rules.ts';
import type { Kind, WriteContext } from '../kind.ts';
import { changed, filled, type Part } from './defaulting.ts';
import { defineKind } from './define.ts';

/** Keeps a definition until the last of its objects is gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

export const customResourceDefinitions: Kind<CustomDefinition> = defineKind<CustomDefinition>(
  'apiextensions.k8s.io/v1',
  'CustomResourceDefinition',
  {
    defaults: defaulted,
    prepareCreate: (definition) => ({
      ...definition,
      status: {
        conditions: null,
        acceptedNames: { plural: '', kind: '' },
        storedVersions: storedVersions(definition, []),
      },
    }),
    prepareUpdate: prepared,
    validate,
    hasGeneration: true,
    needsRevision: true,
    markDeleted,
  },
);

function defaulted(definition: CustomDefinition): CustomDefinition {
  return changed(definition, 'spec', (spec) => {
    const named = changed(spec, 'names', (names) => withNames(names as DefinitionNames));
    const whole = filled(named, { conversion: { strategy: 'None' } });
    return changed(whole, 'conversion', (conversion) =>
      changed(conversion, 'webhook', (webhook) =>
        changed(webhook, 'clientConfig', (config) =>
          changed(config, 'service', (service) => filled(service, { port: 443 })),
        ),
      ),
    );
  });
}

function withNames(names: DefinitionNames): Part {
  const { kind = '' } = names;
  if (kind === '') return names as Part;
  const singular = names.singular || kind.toLowerCase();
  const listKind = names.listKind || `${kind}List`;
  return { ...names, singular, listKind } as Part;
}

function storedVersions({ spec }: CustomDefinition, before: readonly string[]): readonly string[] | null {
  // Where several are said to be, which is wrong, the first one is.
  const storage = spec.versions?.find((version) => version.storage);
  const all = [...new Set([...before, ...(storage ? [storage.name] : [])])];
  return all.length > 0 ? all : null;
}

function prepared(next: CustomDefinition, previous: CustomDefinition, { subresource }: WriteContext): CustomDefinition {
  if (subresource === 'status') {
    const asked = next.status?.storedVersions ?? [];
    const kept = asked.length > 0 ? asked : storedVersions(previous, []);
    return {
      ...previous,
      metadata: next.metadata,
      status: { ...next.status, storedVersions: kept },
    } as CustomDefinition;
  }
  const status = { ...previous.status, storedVersions: storedVersions(next, previous.status?.storedVersions ?? []) };
  return { ...next, status };
}

function validate(next: CustomDefinition, previous: CustomDefinition | undefined, context: WriteContext) {
  if (context.subresource === 'status') return judgeDefinitionStatus(next);
  return judgeDefinition(next, previous);
}

/** A definition that is being deleted says so, and waits for its objects. */
function markDeleted(definition: CustomDefinition): CustomDefinition {
  const { finalizers = [], deletionTimestamp } = definition.metadata;
  const conditions = definition.status?.conditions ?? [];
  if (conditions.some(({ type }) => type === 'Terminating')) return definition;
  const terminating = {
    type: 'Terminating',
    status: 'True',
    lastTransitionTime: deletionTimestamp ?? timestamp(0 as never),
    reason: 'InstanceDeletionPending',
    message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  };
  return {
    ...definition,
    metadata: {
      ...definition.metadata,
      finalizers: [...finalizers.filter((name) => name !== cleanupFinalizer), cleanupFinalizer],
    },
    status: { ...definition.status, conditions: [...conditions, terminating] },
  };
}
