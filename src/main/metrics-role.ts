import { clusterRoles } from '../api/kinds/cluster-role.ts';
import type { Client } from '../client/client.ts';
import { offer } from './offer.ts';

const aggregates = (role: string) => `rbac.authorization.k8s.io/aggregate-to-${role}`;

/** Who may look at a namespace may see what its pods use, as metrics-server has it. */
export const offerMetricsRole = (client: Client): Promise<void> =>
  offer(client, clusterRoles, {
    metadata: {
      name: 'system:aggregated-metrics-reader',
      labels: { [aggregates('admin')]: 'true', [aggregates('edit')]: 'true', [aggregates('view')]: 'true' },
    },
    rules: [{ apiGroups: ['metrics.k8s.io'], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] }],
  });
