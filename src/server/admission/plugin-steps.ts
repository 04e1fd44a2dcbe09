import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Env, Labels, Millis } from '../../base/env.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { measuredStep } from './step-figures.ts';

type Step = 'admit' | 'validate';
interface Concerned {
  readonly mutating: readonly AdmissionPlugin[];
  readonly validating: readonly AdmissionPlugin[];
}
/** What one plugin did, and how long it took. */
interface Done {
  readonly plugin: AdmissionPlugin;
  readonly step: Step;
  readonly began: Millis;
  readonly rejected: boolean;
}

const figure = 'apiserver_admission_controller_admission_duration_seconds';

/** A write on its way through all plugins that it concerns: at once where none of them has to be waited for. */
export class PluginSteps {
  readonly #env: Pick<Env, 'clock' | 'metrics'>;
  readonly #plugins: readonly AdmissionPlugin[];
  readonly #concerned = new WeakMap<Kind, Concerned>();
  readonly #labels = new WeakMap<AdmissionPlugin, Map<string, Labels>>();

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
    const plugins = this.#of(request.kind).mutating;
    let next = object;
    for (let index = start; index < plugins.length; index++) {
      const plugin = plugins[index] as AdmissionPlugin;
      const known = { plugin, step: 'admit', began: this.#env.clock.monotonic() } as const;
      const made = this.#asked(request, known, () => plugin.mutate?.(next, request) ?? next);
      if (made instanceof Promise) return made.then((later) => this.#mutated(later, request, index + 1));
      next = made;
    }
    return next;
  }

  #validated(object: KubeObject | undefined, request: AdmissionRequest, start: number): Promise<void> | void {
    const plugins = this.#of(request.kind).validating;
    for (let index = start; index < plugins.length; index++) {
      const plugin = plugins[index] as AdmissionPlugin;
      const known = { plugin, step: 'validate', began: this.#env.clock.monotonic() } as const;
      const judged = this.#asked(request, known, () => plugin.validate?.(object, request));
      if (judged) return judged.then(() => this.#validated(object, request, index + 1));
    }
  }

  #asked<T>(request: AdmissionRequest, known: Omit<Done, 'rejected'>, ask: () => Promise<T> | T): Promise<T> | T {
    const passed = (answer: T): T => {
      this.#note(request, { ...known, rejected: false });
      return answer;
    };
    const refused = (error: unknown): never => {
      this.#note(request, { ...known, rejected: true });
      throw error;
    };
    let answer: Promise<T> | T;
    try {
      answer = ask();
    } catch (error) {
      return refused(error);
    }
    return answer instanceof Promise ? answer.then(passed, refused) : passed(answer);
  }

  #note({ operation }: AdmissionRequest, { plugin, step, began, rejected }: Done): void {
    let byName = this.#labels.get(plugin);
    if (!byName) {
      byName = new Map();
      this.#labels.set(plugin, byName);
    }
    const name = rejected ? `${operation} ${step} rejected` : step === 'admit' ? operation : `${operation} ${step}`;
    let labels = byName.get(name);
    if (!labels) {
      labels = Object.freeze({ name: plugin.name, operation, rejected: String(rejected), type: step });
      byName.set(name, labels);
    }
    const { clock, metrics } = this.#env;
    metrics.observe(figure, (clock.monotonic() - began) / 1000, labels);
  }

  #of(kind: Kind): Concerned {
    let concerned = this.#concerned.get(kind);
    if (!concerned) {
      const about = this.#plugins.filter(({ kinds }) => !kinds || kinds.some((one) => isSame(one, kind)));
      concerned = {
        mutating: about.filter(({ mutate }) => mutate),
        validating: about.filter(({ validate }) => validate),
      };
      this.#concerned.set(kind, concerned);
    }
    return concerned;
  }
}

const isSame = (a: { readonly group: string; readonly plural: string }, b: Kind): boolean =>
  a.plural === b.plural && a.group === b.group;
