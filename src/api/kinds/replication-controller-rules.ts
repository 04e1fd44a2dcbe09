import { matcherOf } from '../selector.ts';
import { type Checked, rulesOf } from './checks.ts';
import { mapOf } from './defaulting.ts';
import { alwaysRestarts, labelsMatch, notAbove, notNegativeEach, templateRules } from './workload-rules.ts';

export const replicationControllerRules = rulesOf(
  (root) => {
    const spec = root.at('spec');
    notNegativeEach(spec, 'minReadySeconds', 'replicas');
    const labels = mapOf(spec.part.selector);
    if (Object.keys(labels).length === 0) spec.at('selector').missing();
    validateTemplate(spec.at('template'), labels);
  },
  (root) => {
    const status = root.at('status');
    const counts = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'];
    notNegativeEach(status, 'replicas', ...counts, 'observedGeneration');
    notAbove(status, { field: 'replicas', word: 'status.replicas' }, ...counts);
    notAbove(status, { field: 'readyReplicas', word: 'readyReplicas' }, 'availableReplicas');
  },
);

function validateTemplate(template: Checked, labels: Readonly<Record<string, string>>): void {
  if (template.isAbsent) {
    template.missing();
    return;
  }
  if (Object.keys(labels).length > 0) labelsMatch(template, matcherOf({ matchLabels: labels }));
  template.add(...templateRules(template.part, template.path));
  alwaysRestarts(template, 'ReplicationController');
}
