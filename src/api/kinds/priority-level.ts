import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf, orUnset } from './columns.ts';
import { changed, filled, type Part, partOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { priorityLevelRules } from './priority-level-rules.ts';
import { statusKeepsMetadata } from './status-writes.ts';

export interface PriorityLevelConfiguration extends KubeObject<Part, Part> {}

export const priorityLevels: Kind<PriorityLevelConfiguration> = defineKind<PriorityLevelConfiguration>(
  'flowcontrol.apiserver.k8s.io/v1',
  'PriorityLevelConfiguration',
  {
    validate: priorityLevelRules,
    ...statusKeepsMetadata,
    defaults: (level) => changed(level, 'spec', specDefaults),
    columns: columnsOf('Name', 'Type', 'NominalConcurrencyShares', 'Queues', 'HandSize', 'QueueLengthLimit', 'Age'),
    cells: (level, now) => {
      const spec = partOf(level.spec);
      const own = partOf(spec.limited);
      const { queues, handSize, queueLengthLimit } = partOf(partOf(own.limitResponse).queuing);
      return [
        level.metadata.name,
        textOf(spec.type),
        orUnset(own.nominalConcurrencyShares, '<none>'),
        orUnset(queues, '<none>'),
        orUnset(handSize, '<none>'),
        orUnset(queueLengthLimit, '<none>'),
        ageCell(level, now),
      ];
    },
  },
);

function specDefaults(spec: Part): Part {
  const exempt = changed(spec, 'exempt', (given) => filled(given, { nominalConcurrencyShares: 0, lendablePercent: 0 }));
  return changed(exempt, 'limited', (given) =>
    changed(filled(given, { nominalConcurrencyShares: 30, lendablePercent: 0 }), 'limitResponse', (response) =>
      changed(response, 'queuing', queuingDefaults),
    ),
  );
}

/** Zero says nothing here. */
const queuingDefaults = (queuing: Part): Part => ({
  ...queuing,
  queues: queuing.queues || 64,
  handSize: queuing.handSize || 8,
  queueLengthLimit: queuing.queueLengthLimit || 50,
});
