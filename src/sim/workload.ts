import { type Deployment, deployments } from '../api/kinds/deployment.ts';
import { pods } from '../api/kinds/pod.ts';
import { type Service, services } from '../api/kinds/service.ts';
import type { Draft } from '../api/object.ts';
import type { Random } from '../base/env.ts';
import { act } from '../client/action.ts';
import type { SimCluster } from './cluster.ts';

export interface DeploymentChoice {
  readonly name: string;
  readonly namespace?: string;
  readonly replicas: number;
  readonly image?: string;
  readonly cpuMillis?: number;
  readonly strategy?: 'RollingUpdate' | 'Recreate';
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerates?: readonly string[];
}

export function deploymentOf(choice: DeploymentChoice): Draft<Deployment> {
  const labels = { app: choice.name };
  const { namespace = 'default', image = 'web:1', cpuMillis = 100, strategy, nodeSelector, tolerates = [] } = choice;
  const tolerations = tolerates.map((key) => ({ key, operator: 'Exists' }));
  return {
    metadata: { name: choice.name, namespace },
    spec: {
      replicas: choice.replicas,
      selector: { matchLabels: labels },
      ...(strategy ? { strategy: { type: strategy } } : {}),
      template: {
        metadata: { labels },
        spec: {
          containers: [{ name: 'main', image, resources: { requests: { cpu: `${cpuMillis}m` } } }],
          ...(nodeSelector ? { nodeSelector } : {}),
          ...(tolerations.length > 0 ? { tolerations } : {}),
        },
      },
    },
  };
}

export function serviceOf(name: string, app: string, namespace = 'default'): Draft<Service> {
  return { metadata: { name, namespace }, spec: { selector: { app }, ports: [{ port: 80, targetPort: 8080 }] } };
}

/** Users of a cluster: they scale, roll out, and delete pods, as their stream of chance tells them. */
export class Workload {
  readonly #cluster: SimCluster;
  readonly #random: Random;
  readonly #names: readonly string[];

  constructor(cluster: SimCluster, random: Random, count: number) {
    this.#cluster = cluster;
    this.#random = random;
    this.#names = Array.from({ length: count }, (_, n) => `app-${n}`);
  }

  async begin(): Promise<void> {
    for (const name of this.#names) {
      const strategy = this.#random.below(4) === 0 ? 'Recreate' : 'RollingUpdate';
      const object = deploymentOf({ name, replicas: 1 + this.#random.below(6), strategy });
      await this.#cluster.admin.send(act({ verb: 'create', kind: deployments, object }));
      await this.#cluster.admin.send(act({ verb: 'create', kind: services, object: serviceOf(name, name) }));
    }
  }

  /** One wish of one user. Answers what it was. */
  async step(): Promise<string> {
    const name = this.#names[this.#random.below(this.#names.length)] as string;
    const key = { namespace: 'default', name };
    switch (this.#random.below(3)) {
      case 0: {
        const replicas = this.#random.below(9);
        await this.#cluster.admin.send(act({ verb: 'patch', kind: deployments, key, patch: { spec: { replicas } } }));
        return `scale ${name} to ${replicas}`;
      }
      case 1: {
        const image = `web:${this.#random.below(1_000)}`;
        const template = { spec: { containers: [{ name: 'main', image }] } };
        const patch = { spec: { template } };
        await this.#cluster.admin.send(act({ verb: 'patch', type: 'strategic-merge', kind: deployments, key, patch }));
        return `roll ${name} out to ${image}`;
      }
      default: {
        const all = (await this.#cluster.admin.list(pods, { namespace: 'default' })).items;
        const pod = all[this.#random.below(all.length)];
        if (!pod) return 'no pod to delete';
        const victim = { namespace: 'default', name: pod.metadata.name };
        await this.#cluster.admin.send(act({ verb: 'delete', kind: pods, key: victim }));
        return `delete ${victim.name}`;
      }
    }
  }
}
