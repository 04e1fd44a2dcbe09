import { type Node, nodes } from '../../api/kinds/node.ts';
import type { KubeObject } from '../../api/object.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { isAbout } from './refusal.ts';

const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

/** A new node takes no pods until somebody has seen that it is ready. */
export class TaintNodesByCondition implements AdmissionPlugin {
  readonly name = 'TaintNodesByCondition';
  readonly kinds = [nodes];

  mutate(object: KubeObject, request: AdmissionRequest): KubeObject {
    if (request.operation !== 'CREATE' || !isAbout(request, nodes)) return object;
    const node = object as Node;
    const taints = node.spec?.taints ?? [];
    if (taints.some(({ key, effect }) => key === notReady.key && effect === notReady.effect)) return object;
    return { ...node, spec: { ...node.spec, taints: [...taints, notReady] } } as KubeObject;
  }
}
