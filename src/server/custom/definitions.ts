import { customKind } from '../../api/custom/custom-kind.ts';
import type { CustomDefinition } from '../../api/custom/definition.ts';
import { isApiError } from '../../api/error.ts';
import type { Kind } from '../../api/kind.ts';
import { customResourceDefinitions } from '../../api/kinds/custom-resource-definition.ts';
import type { KubeObject } from '../../api/object.ts';
import { equalJson, type Json } from '../../base/json.ts';
import { StopSource } from '../../base/stop.ts';
import { timestamp } from '../../base/text.ts';
import type { Change, Entry } from '../../store/store.ts';
import type { KindRegistry } from '../kinds.ts';
import { storagePrefix } from '../kinds.ts';
import type { ResourceRoute } from '../route.ts';
import type { WriteDeps, WriteOptions, Writer } from '../write.ts';
import { Cleanup } from './cleanup.ts';
import type { Conversions } from './conversions.ts';
import { compareVersions, judgeNames } from './names.ts';

const definitions = customResourceDefinitions as unknown as Kind;
/** The server itself, in what it writes about definitions. */
const options: WriteOptions = {
  caller: { name: 'system:apiserver', groups: ['system:masters'], extra: {} },
  dryRun: false,
  manager: 'kube-apiserver',
};

export interface DefinitionDeps extends WriteDeps {
  readonly kinds: KindRegistry;
  readonly writer: Writer;
  readonly conversions: Conversions;
}

interface Known {
  readonly definition: CustomDefinition;
  readonly kinds: readonly Kind[];
  /** Stopped when what is served is no longer what was. */
  readonly superseded: StopSource;
}

/** Serves what definitions in the store define: from the moment they are committed, and again after a restart. */
export class CustomDefinitions {
  readonly #deps: DefinitionDeps;
  readonly #known = new Map<string, Known>();
  readonly #stop = new StopSource();
  readonly #cleanup: Cleanup;
  /** Settled once the definitions that were in the store are served. */
  readonly ready: Promise<void>;
  isReady = false;

  constructor(deps: DefinitionDeps) {
    this.#deps = deps;
    this.#cleanup = new Cleanup(deps, options);
    this.ready = this.#start();
  }

  async #start(): Promise<void> {
    const { store } = this.#deps;
    const prefix = storagePrefix(definitions);
    const { entries, revision } = await store.list(prefix);
    for (const entry of entries) this.#put(entry);
    store.watch(prefix, revision, { take: (batch) => this.#take(batch), closed: () => this.#stop.stop() }, this.#stop);
    this.isReady = true;
  }

  #take(batch: readonly Change[]): 'more' {
    for (const { type, entry } of batch) {
      if (type === 'put') this.#put(entry);
      else this.#forget(entry.key);
    }
    return 'more';
  }

  #put(entry: Entry): void {
    const definition = this.#deps.views.object<CustomDefinition>(definitions, entry);
    const others = [...this.#known].filter(([key]) => key !== entry.key).map(([, known]) => known.definition);
    const now = timestamp(this.#deps.env.clock.now());
    const judged = judgeNames(definition, others, now);
    const known = { ...definition, status: { ...definition.status, ...judged } };
    const isServed = judged.conditions.some(({ type, status }) => type === 'Established' && status === 'True');
    this.#serve(entry.key, known, isServed);
    const isNews = !equalJson(judged, {
      acceptedNames: definition.status?.acceptedNames,
      conditions: definition.status?.conditions,
    });
    if (definition.metadata.deletionTimestamp !== undefined) {
      this.#cleanup.start(definition, this.#known.get(entry.key)?.kinds[0]);
    } else if (isNews) this.#tell(definition.metadata.name);
  }

  #serve(key: string, definition: CustomDefinition, isServed: boolean): void {
    const last = this.#known.get(key);
    const before = last?.kinds ?? [];
    // How things stand is written often; who watches is not disturbed by that.
    const isSame = last !== undefined && last.kinds.length > 0 === isServed && sameForm(last.definition, definition);
    const superseded = isSame ? last.superseded : new StopSource();
    const isClosing = definition.metadata.deletionTimestamp !== undefined;
    const closed = isClosing ? 'create not allowed while custom resource definition is terminating' : undefined;
    const versions = [...(definition.spec.versions ?? [])].filter(({ served }) => served);
    versions.sort((a, b) => compareVersions(a.name, b.name));
    const { conversions } = this.#deps;
    if (isServed) conversions.follow(prefixOf(definition), definition);
    const converts = definition.spec.conversion?.strategy === 'Webhook';
    const conversion = converts
      ? { converted: (raw: Json, version: string) => conversions.converted(raw, version) }
      : {};
    const kinds = isServed
      ? versions.map((version) =>
          customKind(definition, version, { ...conversion, superseded, ...(closed ? { closed } : {}) }),
        )
      : [];
    for (const kind of before) {
      if (!kinds.some(({ version, plural }) => version === kind.version && plural === kind.plural)) {
        this.#deps.kinds.remove(kind);
      }
    }
    for (const kind of kinds) this.#deps.kinds.add(kind);
    this.#known.set(key, { definition, kinds, superseded });
    if (!isSame) last?.superseded.stop();
  }

  #forget(key: string): void {
    const known = this.#known.get(key);
    for (const kind of known?.kinds ?? []) this.#deps.kinds.remove(kind);
    if (known) this.#deps.conversions.forget(prefixOf(known.definition));
    this.#known.delete(key);
    known?.superseded.stop();
    // A name that it had is free: whoever waits for it is judged again.
    for (const { definition } of this.#known.values()) this.#tell(definition.metadata.name);
  }

  /** Writes what was judged. Whatever crosses it is judged by itself. */
  #tell(name: string): void {
    const route: ResourceRoute = {
      kind: definitions,
      namespace: '',
      name,
      subresource: 'status',
      rest: '',
      verb: 'update',
    };
    const change = (live: KubeObject): KubeObject => {
      const definition = live as CustomDefinition;
      const others = [...this.#known.values()].map((known) => known.definition);
      const rest = others.filter(({ metadata }) => metadata.name !== name);
      const judged = judgeNames(definition, rest, timestamp(this.#deps.env.clock.now()));
      return { ...definition, status: { ...definition.status, ...judged } };
    };
    this.#deps.writer.update(route, change, options).catch((error: unknown) => {
      if (isApiError(error, 'NotFound', 'Conflict')) return;
      this.#deps.env.log.error('a definition could not be told about its names', { name, error: String(error) });
    });
  }
}

const prefixOf = ({ spec }: CustomDefinition): string => `/${spec.group}/${spec.names?.plural}/`;

/** Whether objects look and are found the same way. */
const sameForm = (a: CustomDefinition, b: CustomDefinition): boolean =>
  equalJson(a.spec as unknown as Json, b.spec as unknown as Json) &&
  equalJson((a.status?.acceptedNames ?? null) as unknown as Json, (b.status?.acceptedNames ?? null) as unknown as Json);
