import { partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import { danglingCondition, type FlowSchema, flowSchemas } from '../api/kinds/flow-schema.ts';
import type { PriorityLevelConfiguration } from '../api/kinds/priority-level.ts';
import { type Key, keyOf } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import { timestamp } from '../base/text.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

export interface FlowObserved {
  readonly schema: FlowSchema;
  readonly level: string;
  readonly hasLevel: boolean;
}

/** Tells of each FlowSchema whether the priority level that it leads to is there. Upstream's API server does so itself. */
export class FlowSchemaStatusController implements Controller<FlowObserved> {
  readonly name = 'flow-schema-status';
  readonly #schemas: Cache<FlowSchema>;
  readonly #levels: Cache<PriorityLevelConfiguration>;

  constructor(schemas: Cache<FlowSchema>, levels: Cache<PriorityLevelConfiguration>) {
    this.#schemas = schemas;
    this.#levels = levels;
  }

  sources(): readonly Source[] {
    const leadingTo = (name: string) => this.#schemas.list().filter((schema) => levelOf(schema) === name);
    return [
      source(this.#schemas, (schema) => [keyOf(schema)]),
      source(this.#levels, ({ metadata }) => leadingTo(metadata.name).map(keyOf)),
    ];
  }

  observe(key: Key): FlowObserved | undefined {
    const schema = this.#schemas.get(key);
    if (!schema) return undefined;
    const level = levelOf(schema);
    return { schema, level, hasLevel: this.#levels.get({ namespace: '', name: level }) !== undefined };
  }

  plan({ schema, level, hasLevel }: FlowObserved, now: Instant): Plan {
    const said = danglingCondition(level, hasLevel);
    const conditions = partsOf(partOf(schema.status).conditions);
    const before = conditions.find(({ type }) => type === said.type);
    const isTold = Object.entries(said).every(([field, text]) => textOf(before?.[field]) === text);
    if (isTold) return nothing;
    const told = { ...said, lastTransitionTime: timestamp(now) };
    const patch = { status: { conditions: [...conditions.filter((one) => one !== before), told] } } as unknown as Json;
    return { actions: [[act({ verb: 'patch', kind: flowSchemas, key: keyOf(schema), patch, subresource: 'status' })]] };
  }
}

const levelOf = ({ spec }: FlowSchema): string => textOf(partOf(partOf(spec).priorityLevelConfiguration).name);
