import type { Store } from '../store/store.ts';
import type { HealthCheck } from './health.ts';

interface Checked {
  readonly store: Store;
  /** Whether what custom definitions define is served. */
  isServing(): boolean;
  /** Whether what every cluster has from the start is still being made. */
  isStarting(): boolean;
}

/** What is made before the server is ready: upstream's names of the parts that make it there. */
const bootstrapHooks = [
  'start-system-namespaces-controller',
  'start-cluster-authentication-info-controller',
  'start-legacy-token-tracking-controller',
  'rbac/bootstrap-roles',
  'scheduling/bootstrap-system-priority-classes',
  'priority-and-fairness-config-producer',
  'bootstrap-controller',
];
const customHooks = ['start-apiextensions-informers', 'start-apiextensions-controllers', 'crd-informer-synced'];

/** The names are upstream's; each stands for the part of this server that does the same. */
export function healthChecks({ store, isServing, isStarting }: Checked): readonly HealthCheck[] {
  const well = () => {};
  const readable = () => store.get('/health').then(() => {});
  const custom = () => {
    if (!isServing()) throw new Error('the custom definitions are not read yet');
  };
  const started = () => {
    if (isStarting()) throw new Error('not finished');
  };
  const hook = (name: string, check: () => void): HealthCheck => ({ name: `poststarthook/${name}`, check });
  return [
    { name: 'ping', check: well },
    { name: 'log', check: well },
    { name: 'etcd', check: readable },
    { name: 'etcd-readiness', only: 'readyz', check: readable },
    { name: 'informer-sync', only: 'readyz', check: custom },
    ...customHooks.map((name) => hook(name, custom)),
    ...bootstrapHooks.map((name) => hook(name, started)),
    { name: 'shutdown', only: 'readyz', check: well },
  ];
}
