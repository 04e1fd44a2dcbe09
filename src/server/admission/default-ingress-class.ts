import { ingresses } from '../../api/kinds/ingress.ts';
import { ingressClasses } from '../../api/kinds/ingress-class.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Store } from '../../store/store.ts';
import { defaultClass } from './default-class.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { isAbout } from './refusal.ts';

const annotations = ['ingressclass.kubernetes.io/is-default-class'];
const classAnnotation = 'kubernetes.io/ingress.class';

/** An ingress that names no class gets the default one, where there is one. */
export class DefaultIngressClass implements AdmissionPlugin {
  readonly name = 'DefaultIngressClass';
  readonly kinds = [ingresses];
  readonly #classes: ObjectIndex<KubeObject>;

  constructor(store: Store) {
    this.#classes = new ObjectIndex(store, ingressClasses as never);
  }

  async mutate(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> {
    if (request.operation !== 'CREATE' || !isAbout(request, ingresses)) return object;
    const spec = (object.spec ?? {}) as { readonly ingressClassName?: string };
    if (spec.ingressClassName !== undefined || object.metadata.annotations?.[classAnnotation] !== undefined) {
      return object;
    }
    await this.#classes.ready();
    const found = defaultClass(this.#classes.list(''), annotations);
    return found ? { ...object, spec: { ...spec, ingressClassName: found.metadata.name } } : object;
  }
}
