import type { FieldPath, Kind } from '../api/kind.ts';
import type { KubeObject, ManagedFields } from '../api/object.ts';
import { type Applied, serverSideApply } from '../api/patch/apply.ts';
import { type Followed, managedAfterUpdate, sameButTimes, type VersionView } from '../api/patch/managed-fields.ts';
import { RecentSets } from '../api/patch/recent-sets.ts';
import { structShape, untypedShape } from '../api/patch/shape.ts';
import { typeOfKind } from '../api/schema/kind-type.ts';
import { walk } from '../api/schema/walker.ts';
import { type ApiRequest, type Caller, queryValue } from '../api/wire.ts';
import type { Clock } from '../base/env.ts';
import { encodeText, equalJsonInSteps, type JsonObject } from '../base/json.ts';
import type { Steps } from '../base/steps.ts';
import { timestamp } from '../base/text.ts';
import { type KindRegistry, storagePrefix } from './kinds.ts';
import type { ResourceRoute } from './route.ts';

const managerBytesMax = 128;
const ownParts = /^system:(?:serviceaccount:kube-system:)?([^:]+)/;

/** Programs that wrote lately, by how they call themselves: few, and each writes again and again. */
const programs = new Map<string, string>();
const programsMax = 1_000;

/** Who a write counts as: as it says itself, else the program that sends it, else the caller's own name. */
export function managerOf(request: ApiRequest, caller: Caller): string {
  const named = queryValue(request.query, 'fieldManager');
  if (named) return named;
  const agent = request.headers['user-agent'] ?? ownParts.exec(caller.name)?.[1] ?? '';
  let program = programs.get(agent);
  if (program === undefined) {
    program = programOf(agent);
    if (programs.size >= programsMax) programs.clear();
    programs.set(agent, program);
  }
  return program;
}

function programOf(agent: string): string {
  let manager = '';
  let bytes = 0;
  for (const char of agent.slice(0, managerBytesMax * 2).split('/')[0] as string) {
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char)) continue;
    bytes += encodeText(char).length;
    if (bytes > managerBytesMax) break;
    manager += char;
  }
  return manager || 'unknown';
}

/** Follows who owns which field of every object. */
export class FieldTracker {
  readonly #kinds: KindRegistry;
  readonly #clock: Clock;
  #second = Number.NaN;
  #text = '';
  readonly #followed = new WeakMap<Kind, Map<string, Followed>>();

  constructor(kinds: KindRegistry, clock: Clock) {
    this.#kinds = kinds;
    this.#clock = clock;
  }

  /** The object with its owners after a write that is not an apply. */
  *written(route: ResourceRoute, live: KubeObject | undefined, next: KubeObject, manager: string): Steps<KubeObject> {
    const write = { manager, time: this.#time() };
    const followed = this.#follow(route.kind, route.subresource);
    return withManaged(next, yield* managedAfterUpdate(followed, live, next, write));
  }

  applied(
    route: ResourceRoute,
    live: KubeObject | undefined,
    config: JsonObject,
    how: { readonly manager: string; readonly force: boolean },
  ): Steps<Applied> {
    const time = this.#time();
    return serverSideApply(this.#follow(route.kind, route.subresource), live, config, { ...how, time });
  }

  /** Written anew once a second: many writes share it. */
  #time(): string {
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = timestamp(this.#clock.now());
    }
    return this.#text;
  }

  #follow(kind: Kind, subresource: string): Followed {
    let bySubresource = this.#followed.get(kind);
    if (!bySubresource) {
      bySubresource = new Map();
      this.#followed.set(kind, bySubresource);
    }
    let followed = bySubresource.get(subresource);
    if (!followed) {
      followed = this.#made(kind, subresource);
      bySubresource.set(subresource, followed);
    }
    return followed;
  }

  #made(kind: Kind, subresource: string): Followed {
    const type = typeOfKind(kind);
    const { apiVersion } = kind;
    const nothing = { metadata: {}, ...(type ? walk(type, null).value : {}) };
    return {
      apiVersion,
      kind: kind.kind,
      shape: type ? structShape(type) : untypedShape,
      empty: { ...nothing, apiVersion, kind: kind.kind },
      subresource,
      ignored: ignoredBy(kind, subresource),
      reset: resetsOf(kind, subresource).filter(({ length }) => length > 1),
      recent: new RecentSets(),
      versioned: (version) => this.#versioned(kind, version),
      ...(kind.custom ? { changeable: true } : {}),
    };
  }

  /** Another version of the same stored objects. */
  #versioned(kind: Kind, apiVersion: string): VersionView | undefined {
    const [version = '', group = ''] = apiVersion.split('/').reverse();
    const other = this.#kinds.find(group, version, kind.plural);
    if (!other || storagePrefix(other) !== storagePrefix(kind)) return undefined;
    const type = typeOfKind(other);
    return {
      shape: type ? structShape(type) : untypedShape,
      to: (object) => converted(kind, other, object),
      from: (object) => converted(other, kind, object),
    };
  }
}

function converted(from: Kind, to: Kind, object: JsonObject): JsonObject {
  const given = object as unknown as KubeObject;
  const stored = from.rules.storedAs ? from.rules.storedAs.to(given) : given;
  const out = to.rules.storedAs ? to.rules.storedAs.from(stored) : stored;
  return { ...out, apiVersion: to.apiVersion, kind: to.kind } as unknown as JsonObject;
}

const resetsOf = ({ rules }: Kind, subresource: string): readonly FieldPath[] => rules.resets?.[subresource] ?? [];

/** What a write through this resource cannot change: status through the main one, all else through status. */
function ignoredBy(kind: Kind, subresource: string): ReadonlySet<string> {
  const whole = resetsOf(kind, subresource).flatMap((path) => (path.length === 1 ? path : []));
  return new Set([...otherHalf(kind, subresource), ...whole]);
}

function otherHalf(kind: Kind, subresource: string): readonly string[] {
  if (subresource === '') return kind.subresources.some(({ name }) => name === 'status') ? ['status'] : [];
  if (subresource !== 'status') return [];
  const kept = ['apiVersion', 'kind', 'metadata', 'status'];
  const names = typeOfKind(kind)?.fields.map(({ name }) => name) ?? ['spec'];
  return names.filter((name) => !kept.includes(name));
}

export function withManaged(object: KubeObject, managedFields: readonly ManagedFields[] | undefined): KubeObject {
  const { metadata } = object;
  if (metadata.managedFields === managedFields) return object;
  if (managedFields && managedFields.length > 0) return { ...object, metadata: { ...metadata, managedFields } };
  const { managedFields: _old, ...others } = metadata;
  return { ...object, metadata: others };
}

/** A write that would change nothing but the time of a write changes nothing. */
export function* withQuietTimes(next: KubeObject, live: KubeObject): Steps<KubeObject> {
  const [after, before] = [next.metadata.managedFields, live.metadata.managedFields];
  if (!after || !before || after === before || !(yield* sameButTimes(after, before))) return next;
  const quiet = withManaged(next, before);
  return (yield* equalJsonInSteps(quiet, live)) ? quiet : next;
}
