import { type Pod, pods } from '../../api/kinds/pod.ts';
import { type PriorityClass, priorityClasses } from '../../api/kinds/priority-class.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Store } from '../../store/store.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { isAbout, refusal } from './refusal.ts';

const policyByDefault = 'PreemptLowerPriority';

interface PriorityFields {
  readonly priority?: number;
  readonly priorityClassName?: string;
  readonly preemptionPolicy?: string;
}
interface ClassFields {
  readonly value?: number;
  readonly globalDefault?: boolean;
  readonly preemptionPolicy?: string;
}

/** Gives each pod the number that its priority class stands for, and keeps one class the default. */
export class Priority implements AdmissionPlugin {
  readonly name = 'Priority';
  readonly kinds = [pods, priorityClasses];
  readonly #classes: ObjectIndex<PriorityClass>;

  constructor(store: Store) {
    this.#classes = new ObjectIndex(store, priorityClasses);
  }

  mutate(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> | KubeObject {
    if (!isAbout(request, pods)) return object;
    if (request.operation === 'UPDATE') return kept(object as Pod, request.previous as Pod | undefined);
    if (request.operation !== 'CREATE') return object;
    const wait = this.#classes.ready();
    return wait ? wait.then(() => this.#resolved(object as Pod, request)) : this.#resolved(object as Pod, request);
  }

  validate(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> | void {
    if (!object || !isAbout(request, priorityClasses)) return;
    if (!fieldsOf(object).globalDefault) return;
    return this.#classes.whenReady(() => this.#checkDefault(object, request));
  }

  #checkDefault(object: KubeObject, request: AdmissionRequest): void {
    const other = this.#defaultClass();
    if (!other || (request.operation === 'UPDATE' && other.metadata.name === object.metadata.name)) return;
    const { name } = other.metadata;
    throw refusal(request, `PriorityClass ${name} is already marked as default. Only one default can exist`);
  }

  #resolved(pod: Pod, request: AdmissionRequest): Pod {
    const spec = pod.spec as Pod['spec'] & PriorityFields;
    const asked = spec.priorityClassName ?? '';
    const found = asked === '' ? this.#defaultClass() : this.#classes.get('', asked);
    if (asked !== '' && !found) throw refusal(request, `no PriorityClass with name ${asked} was found`);
    const { value: priority = 0, preemptionPolicy = policyByDefault } = found ? fieldsOf(found) : {};
    const computed = (what: string, given: unknown, right: unknown) =>
      refusal(
        request,
        `the ${what} (${given}) must not be provided in pod spec; priority admission controller computed ${right} from the given PriorityClass name`,
      );
    if (spec.priority !== undefined && spec.priority !== priority) {
      throw computed('integer value of priority', spec.priority, priority);
    }
    if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy) {
      throw computed('string value of PreemptionPolicy', spec.preemptionPolicy, preemptionPolicy);
    }
    const resolved: PriorityFields = {
      ...(found ? { priorityClassName: found.metadata.name } : {}),
      priority,
      preemptionPolicy,
    };
    return { ...pod, spec: { ...spec, ...resolved } };
  }

  /** Of several the one that counts least. */
  #defaultClass(): PriorityClass | undefined {
    let least: PriorityClass | undefined;
    for (const found of this.#classes.list('')) {
      const { globalDefault, value = 0 } = fieldsOf(found);
      if (globalDefault && (!least || value < (fieldsOf(least).value ?? 0))) least = found;
    }
    return least;
  }
}

const fieldsOf = (found: KubeObject): ClassFields => found as unknown as ClassFields;

/** Who sends a pod back without what this plugin wrote into it does not mean to change it. */
function kept(pod: Pod, previous: Pod | undefined): Pod {
  const before: PriorityFields = previous?.spec ?? {};
  const spec: PriorityFields = pod.spec;
  const lost = {
    ...(spec.priority === undefined && before.priority !== undefined ? { priority: before.priority } : {}),
    ...(spec.preemptionPolicy === undefined && before.preemptionPolicy !== undefined
      ? { preemptionPolicy: before.preemptionPolicy }
      : {}),
  };
  return Object.keys(lost).length > 0 ? { ...pod, spec: { ...pod.spec, ...lost } } : pod;
}
