import { isApiError } from '../api/error.ts';
import { type Event, events } from '../api/kinds/event.ts';
import type { KubeObject } from '../api/object.ts';
import type { Env } from '../base/env.ts';
import { timestamp } from '../base/text.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Client } from '../client/client.ts';
import { EventDesk } from './event-desk.ts';
import { EventThrift, type Thrifty } from './event-thrift.ts';
import { logFields, type Place } from './log-fields.ts';

const knownMax = 4096;

export interface RecorderOptions {
  /** The node that it is on. */
  readonly host?: string;
  /** Shared by many recorders of one process. */
  readonly desk?: EventDesk;
}
/** A notice, and when it was given: it may be written later. */
interface Stamped {
  readonly notice: Notice;
  readonly at: string;
}

/** Tells users what parts did, as core/v1 Events. Repeated notices raise a count; a lost one is only logged. */
export class EventRecorder {
  readonly #env: Env;
  readonly #client: Client;
  readonly #component: string;
  readonly #host: string | undefined;
  readonly #desk: EventDesk;
  readonly #thrift: EventThrift;
  readonly #known = new Map<string, Promise<Event | undefined>>();
  #last = 0n;

  constructor(env: Env, client: Client, component: string, { host, desk = new EventDesk() }: RecorderOptions = {}) {
    this.#env = env;
    this.#client = client;
    this.#component = component;
    this.#host = host;
    this.#desk = desk;
    this.#thrift = new EventThrift(env.clock);
  }

  record(notice: Notice): void {
    const { about, type = 'Normal', reason, message } = notice;
    this.#env.log.info(message, { part: this.#component, event: type, reason, ...logFields(placeOf(about)) });
    const thrifty = this.#thrift.take(notice);
    if (thrifty) this.#write(thrifty);
  }

  #write({ notice, identity }: Thrifty): void {
    const { reason, message } = notice;
    const stamped: Stamped = { notice, at: timestamp(this.#env.clock.now()) };
    const before = this.#known.get(identity);
    if (this.#known.size >= knownMax) this.#known.clear();
    this.#known.set(
      identity,
      (before ? before.then((event) => this.#again(stamped, event)) : this.#create(stamped)).catch((error: unknown) => {
        if (!isApiError(error)) throw error;
        this.#env.log.debug('an event was lost', { reason, message, error: error.message });
        return undefined;
      }),
    );
  }

  #create({ notice: { about, type = 'Normal', reason, message }, at }: Stamped): Promise<Event> {
    const namespace = about.metadata.namespace ?? 'default';
    const source = { component: this.#component, ...(this.#host ? { host: this.#host } : {}) };
    const name = `${about.metadata.name}.${this.#moment()}`;
    const action: Action<Event> = {
      verb: 'create',
      kind: events,
      object: {
        metadata: { name, namespace },
        involvedObject: {
          apiVersion: about.apiVersion,
          kind: about.kind,
          name: about.metadata.name,
          uid: about.metadata.uid,
          resourceVersion: about.metadata.resourceVersion,
          ...(about.metadata.namespace ? { namespace: about.metadata.namespace } : {}),
        },
        type,
        reason,
        message,
        source,
        reportingComponent: this.#component,
        reportingInstance: this.#host ?? '',
        firstTimestamp: at,
        lastTimestamp: at,
        count: 1,
      },
    };
    return this.#desk.write(() => this.#client.send(action));
  }

  /** Names sort as events happened: a list of them, which is sorted by name, tells what came first. */
  #moment(): string {
    const drawn = BigInt(this.#env.clock.now()) * 1_000_000n + BigInt(this.#env.random.below(1_000));
    this.#last = drawn > this.#last ? drawn : this.#last + 1n;
    return this.#last.toString(16);
  }

  async #again(stamped: Stamped, before: Event | undefined): Promise<Event> {
    if (!before) return this.#create(stamped);
    const { notice, at } = stamped;
    const again = { count: (before.count ?? 1) + 1, lastTimestamp: at };
    const patch = notice.message === before.message ? again : { ...again, message: notice.message };
    const key = { namespace: before.metadata.namespace ?? '', name: before.metadata.name };
    const action = act({ verb: 'patch', kind: events, key, patch });
    return (await this.#desk.write(() => this.#client.send(action))) as unknown as Event;
  }
}

function placeOf({ kind, metadata, spec }: KubeObject): Place {
  const { namespace, name } = metadata;
  return { kind, namespace, name, node: (spec as { readonly nodeName?: string } | undefined)?.nodeName };
}
