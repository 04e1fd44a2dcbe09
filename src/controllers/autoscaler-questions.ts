import { type Part, partOf, textOf } from '../api/kinds/defaulting.ts';
import type { LabelSelector } from '../api/selector.ts';
import type { Question } from '../machinery/controller.ts';

const sources: Readonly<Record<string, string>> = {
  Resource: 'resource',
  ContainerResource: 'containerResource',
  Pods: 'pods',
  Object: 'object',
  External: 'external',
};
export const metricSource = (type: string): string => sources[type] ?? '';

/** Where a metric is asked for. `selector` is that of the pods that are scaled. */
export function questionAbout(
  metric: Part,
  namespace: string,
  selector: string,
  pluralOf: (ref: Part) => string,
): Question {
  const type = textOf(metric.type);
  const source = partOf(metric[metricSource(type)]);
  const { name, selector: own } = partOf(source.metric);
  const chosen = textOf(name);
  const narrowed = own === undefined ? '' : selectorText(own as LabelSelector);
  const custom = `/apis/custom.metrics.k8s.io/v1beta2/namespaces/${namespace}`;
  const metricQuery = narrowed ? [['metricLabelSelector', narrowed] as const] : [];
  switch (type) {
    case 'Pods':
      return { path: `${custom}/pods/*/${chosen}`, query: [['labelSelector', selector], ...metricQuery] };
    case 'Object': {
      const object = partOf(source.describedObject);
      return { path: `${custom}/${pluralOf(object)}/${textOf(object.name)}/${chosen}`, query: metricQuery };
    }
    case 'External':
      return {
        path: `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${chosen}`,
        query: narrowed ? [['labelSelector', narrowed]] : [],
      };
    default:
      return {
        path: `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`,
        query: [['labelSelector', selector]],
      };
  }
}

function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const words = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values = [] } of matchExpressions) {
    if (operator === 'Exists') words.push(key);
    else if (operator === 'DoesNotExist') words.push(`!${key}`);
    else words.push(`${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`);
  }
  return words.join(',');
}
