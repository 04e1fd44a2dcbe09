import { isApiError } from '../api/error.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { type Service, services } from '../api/kinds/service.ts';
import { type ServiceCIDR, serviceCidrs } from '../api/kinds/service-cidr.ts';
import type { Draft } from '../api/object.ts';
import { act } from '../client/action.ts';
import type { Client } from '../client/client.ts';

const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

export interface BootstrapOptions {
  readonly serviceRange: string;
  /** Where pods find the API server: an address of that range. */
  readonly apiServiceIp: string;
  readonly port: number;
}

/** What every cluster has from the start. Done again at each start: what is there already is left alone. */
export async function bootstrap(client: Client, options: BootstrapOptions): Promise<void> {
  const range: Draft<ServiceCIDR> = { metadata: { name: 'kubernetes' }, spec: { cidrs: [options.serviceRange] } };
  await Promise.all([
    ...systemNamespaces.map((name) =>
      ensure(() => client.send(act({ verb: 'create', kind: namespaces, object: { metadata: { name } } }))),
    ),
    ensure(() => client.send(act({ verb: 'create', kind: serviceCidrs, object: range }))),
  ]);
  const kubernetes: Draft<Service> = {
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: options.apiServiceIp,
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: options.port }],
    },
  };
  await ensure(() => client.send(act({ verb: 'create', kind: services, object: kubernetes })));
}

async function ensure(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists', 'Conflict')) throw error;
  }
}
