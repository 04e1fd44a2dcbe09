import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Env, Labels, Millis } from '../../base/env.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { measuredStep } from './step-figures.ts';

type Operation = AdmissionRequest['operation'];
/** A plugin, and the labels of what it lets pass, by operation: made once, so that counting puts nothing together. */
interface Asked {
  readonly plugin: AdmissionPlugin;
  readonly type: 'admit' | 'validate';
  readonly passed: Partial<Record<Operation, Labels>>;
}
interface Concerned {
  readonly mutating: readonly Asked[];
  readonly validating: readonly Asked[];
}

const figure = 'apiserver_admission_controller_admission_duration_seconds';

/** A write on its way through all plugins that it concerns: at once where none of them has to be waited for. */
export class PluginSteps {
  readonly #env: Pick<Env, 'clock' | 'metrics'>;
  readonly #plugins: readonly AdmissionPlugin[];
  readonly #concerned = new WeakMap<Kind, Concerned>();

  constructor(env: Pick<Env, 'clock' | 'metrics'>, plugins: readonly AdmissionPlugin[]) {
    this.#env = env;
    this.#plugins = plugins;
  }

  mutate(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> | KubeObject {
    return measuredStep(this.#env, request, 'admit', () => this.#mutated(object, request, 0));
  }

  validate(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> | void {
    return measuredStep(this.#env, request, 'validate', () => this.#validated(object, request, 0));
  }

  #mutated(object: KubeObject, request: AdmissionRequest, start: number): Promise<KubeObject> | KubeObject {
    const asked = this.#of(request.kind).mutating;
    let next = object;
    let began = this.#env.clock.monotonic();
    for (let index = start; index < asked.length; index++) {
      const one = asked[index] as Asked;
      let made: Promise<KubeObject> | KubeObject | undefined;
      try {
        made = one.plugin.mutate?.(next, request);
      } catch (error) {
        throw this.#rejected(one, request, began, error);
      }
      if (made instanceof Promise) {
        return this.#waited(one, request, { began, made }).then((later) => this.#mutated(later, request, index + 1));
      }
      began = this.#passed(one, request, began);
      next = made ?? next;
    }
    return next;
  }

  #validated(object: KubeObject | undefined, request: AdmissionRequest, start: number): Promise<void> | void {
    const asked = this.#of(request.kind).validating;
    let began = this.#env.clock.monotonic();
    for (let index = start; index < asked.length; index++) {
      const one = asked[index] as Asked;
      let made: Promise<void> | void;
      try {
        made = one.plugin.validate?.(object, request);
      } catch (error) {
        throw this.#rejected(one, request, began, error);
      }
      if (made) {
        return this.#waited(one, request, { began, made }).then(() => this.#validated(object, request, index + 1));
      }
      began = this.#passed(one, request, began);
    }
  }

  async #waited<T>(
    one: Asked,
    request: AdmissionRequest,
    { began, made }: { readonly began: Millis; readonly made: Promise<T> },
  ): Promise<T> {
    try {
      const answer = await made;
      this.#passed(one, request, began);
      return answer;
    } catch (error) {
      throw this.#rejected(one, request, began, error);
    }
  }

  /** Answers when the next one begins. */
  #passed({ plugin, type, passed }: Asked, { operation }: AdmissionRequest, began: Millis): Millis {
    const { clock, metrics } = this.#env;
    const now = clock.monotonic();
    passed[operation] ??= Object.freeze({ name: plugin.name, operation, rejected: 'false', type });
    metrics.observe(figure, (now - began) / 1000, passed[operation]);
    return now;
  }

  #rejected({ plugin, type }: Asked, { operation }: AdmissionRequest, began: Millis, error: unknown): unknown {
    const { clock, metrics } = this.#env;
    const labels = { name: plugin.name, operation, rejected: 'true', type };
    metrics.observe(figure, (clock.monotonic() - began) / 1000, labels);
    return error;
  }

  #of(kind: Kind): Concerned {
    let concerned = this.#concerned.get(kind);
    if (!concerned) {
      const about = this.#plugins.filter(({ kinds }) => !kinds || kinds.some((one) => isSame(one, kind)));
      const asked = (type: Asked['type']) => (plugin: AdmissionPlugin) => ({ plugin, type, passed: {} });
      concerned = {
        mutating: about.filter(({ mutate }) => mutate).map(asked('admit')),
        validating: about.filter(({ validate }) => validate).map(asked('validate')),
      };
      this.#concerned.set(kind, concerned);
    }
    return concerned;
  }
}

const isSame = (a: { readonly group: string; readonly plural: string }, b: Kind): boolean =>
  a.plural === b.plural && a.group === b.group;
