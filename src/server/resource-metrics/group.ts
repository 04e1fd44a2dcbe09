import type { Json } from '../../base/json.ts';

export const metricsGroup = 'metrics.k8s.io';
export const metricsVersion = 'v1beta1';
export const metricsRoot = `/apis/${metricsGroup}/${metricsVersion}`;
/** Where it stands among others in discovery: where metrics-server puts itself. */
export const metricsPriority = [100, 100] as const;

const verbs = ['get', 'list'];
const resource = (name: string, kind: string, namespaced: boolean): Json => ({
  name,
  singularName: '',
  namespaced,
  kind,
  verbs,
});
/** What discovery tells of it, as metrics-server does. */
export const metricsResources: Json = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: `${metricsGroup}/${metricsVersion}`,
  resources: [resource('nodes', 'NodeMetrics', false), resource('pods', 'PodMetrics', true)],
};

export const externalGroup = 'external.metrics.k8s.io';
export const externalRoot = `/apis/${externalGroup}/${metricsVersion}`;
/** Any name is a metric: which there are only Prometheus knows. */
export const externalResources: Json = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: `${externalGroup}/${metricsVersion}`,
  resources: [{ name: '*', singularName: '', namespaced: true, kind: 'ExternalMetricValueList', verbs: ['get'] }],
};
