import type { Pod, Toleration } from '../../api/kinds/pod.ts';
import type { KubeObject } from '../../api/object.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

const patienceSeconds = 300;
const keys = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** A pod that says nothing about nodes that fail stays five minutes: a short silence moves nothing. */
export class DefaultTolerationSeconds implements AdmissionPlugin {
  readonly name = 'DefaultTolerationSeconds';

  mutate(object: KubeObject, { kind, route, operation }: AdmissionRequest): KubeObject {
    const isPod = kind.group === '' && kind.plural === 'pods' && route.subresource === '';
    if (!isPod || (operation !== 'CREATE' && operation !== 'UPDATE')) return object;
    const pod = object as Pod;
    const own = pod.spec.tolerations ?? [];
    const lacking = keys.filter((key) => !own.some((toleration) => covers(toleration, key)));
    if (lacking.length === 0) return object;
    const added = lacking.map(
      (key): Toleration => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: patienceSeconds }),
    );
    return { ...pod, spec: { ...pod.spec, tolerations: [...own, ...added] } };
  }
}

const covers = ({ key, effect }: Toleration, wanted: string): boolean =>
  (!key || key === wanted) && (!effect || effect === 'NoExecute');
