import type { Kind } from '../../api/kind.ts';
import { type KubeObject, keyOf } from '../../api/object.ts';
import { equalJson, type Json } from '../../base/json.ts';
import { type Action, act } from '../../client/action.ts';
import type { Bound } from '../http-table.ts';
import type { GatewayResult, RouteResult, Verdict } from './gateway.ts';
import { gatewayController } from './gateway-class.ts';
import {
  type Condition,
  type GatewayClass,
  gatewayClasses,
  gatewayGroup,
  gateways,
  httpRoutes,
  type ListenerStatus,
  type ParentStatus,
} from './gateway-kinds.ts';

export interface StatusContext {
  /** A time as the API writes it. */
  readonly now: string;
  /** Where the proxy can be reached. */
  readonly address: string;
  readonly bound: readonly Bound[];
  /** What another proxy has said of places stands, or the two would contradict each other for ever. */
  readonly yields?: boolean;
}

const accepted: Verdict = { type: 'Accepted', holds: true, reason: 'Accepted', message: '' };

export function classStatus(found: GatewayClass, { now }: StatusContext): readonly Action[] {
  const conditions = conditionsOf(found, found.status?.conditions, [accepted], now);
  return patched(gatewayClasses, found, { conditions });
}

export function gatewayStatus(result: GatewayResult, context: StatusContext): readonly Action[] {
  const { gateway, listeners } = result;
  const { bound, now, address } = context;
  const told = gateway.status?.addresses ?? [];
  const asked = gateway.spec.addresses?.find(({ value }) => value !== undefined && value !== address);
  const states = listeners.map(({ listener, verdicts, attached, supportsRoutes, isValid }) => {
    const programmed = programmedAt(bound, listener.port, isValid);
    const before = gateway.status?.listeners?.find(({ name }) => name === listener.name)?.conditions;
    const status: ListenerStatus = {
      name: listener.name,
      supportedKinds: supportsRoutes ? [{ group: gatewayGroup, kind: 'HTTPRoute' }] : [],
      attachedRoutes: attached,
      conditions: conditionsOf(gateway, before, [...verdicts, standing(programmed, before, context)], now),
    };
    return { status, verdicts, programmed };
  });
  const broken = states.filter(({ verdicts, programmed }) => !programmed.holds || !verdicts[0]?.holds);
  const anyServed = broken.length < states.length;
  const problem =
    broken[0] &&
    (broken[0].verdicts.find(({ type, holds }) => type !== 'Conflicted' && !holds) ?? broken[0].programmed);
  const message = problem ? `listener ${broken[0]?.status.name}: ${problem.message}` : '';
  const own: readonly Verdict[] = [
    problem ? { ...accepted, holds: anyServed, reason: 'ListenersNotValid', message } : accepted,
    asked
      ? {
          type: 'Programmed',
          holds: false,
          reason: 'AddressNotUsable',
          message: `${asked.value} is not this proxy's address, which is ${address}`,
        }
      : {
          type: 'Programmed',
          holds: anyServed,
          reason: anyServed ? 'Programmed' : 'Invalid',
          message: anyServed ? '' : message,
        },
  ];
  return patched(gateways, gateway, {
    addresses: context.yields && told.length > 0 ? told : [{ type: 'IPAddress', value: address }],
    conditions: conditionsOf(gateway, gateway.status?.conditions, own, now),
    listeners: states.map(({ status }) => status),
  });
}

function standing(verdict: Verdict, before: readonly Condition[] | undefined, { yields }: StatusContext): Verdict {
  const known = before?.find(({ type, status }) => type === verdict.type && status === 'True');
  return yields && verdict.holds && known ? { ...verdict, message: known.message } : verdict;
}

function programmedAt(bound: readonly Bound[], port: number, isValid: boolean): Verdict {
  const base = { type: 'Programmed', holds: false, reason: 'Invalid' };
  if (!isValid) return { ...base, message: 'what it asks for cannot be served: see the other conditions' };
  const found = bound.find((one) => one.port === port);
  if (!found) return { ...base, reason: 'Pending', message: 'the proxy does not listen yet' };
  if ('error' in found) return { ...base, message: `the port cannot be listened at: ${found.error}` };
  // Without the right to a port another stands in for it: whoever reads this must know where.
  const message = found.at === port ? '' : `port ${port} is heard at ${found.host}:${found.at}`;
  return { type: 'Programmed', holds: true, reason: 'Programmed', message };
}

/** Parents of other controllers keep what those have said. */
export function routeStatus({ route, parents }: RouteResult, { now }: StatusContext): readonly Action[] {
  const before = route.status?.parents ?? [];
  const others = before.filter(({ controllerName }) => controllerName !== gatewayController);
  const own: readonly ParentStatus[] = parents.map(({ parentRef, verdicts }) => {
    const known = before.find((one) => one.controllerName === gatewayController && equalJson(one.parentRef, parentRef));
    const conditions = conditionsOf(route, known?.conditions, verdicts, now);
    return { parentRef, controllerName: gatewayController, conditions };
  });
  return patched(httpRoutes, route, { parents: [...others, ...own] });
}

/** The time of a condition is when it last turned. */
function conditionsOf(
  { metadata }: KubeObject,
  before: readonly Condition[] | undefined,
  verdicts: readonly Verdict[],
  now: string,
): readonly Condition[] {
  return verdicts.map(({ type, holds, reason, message }) => {
    const status = holds ? 'True' : 'False';
    const known = before?.find((one) => one.type === type && one.status === status);
    return {
      type,
      status,
      reason,
      message,
      observedGeneration: metadata.generation ?? 1,
      lastTransitionTime: known?.lastTransitionTime ?? now,
    };
  });
}

function patched<T extends KubeObject>(kind: Kind<T>, object: T, next: object): readonly Action[] {
  const before = (object.status ?? {}) as Readonly<Record<string, unknown>>;
  const changed = Object.entries(next).filter(([key, value]) => !equalJson(before[key], value));
  if (changed.length === 0) return [];
  const patch = { status: Object.fromEntries(changed) } as Json;
  return [act({ verb: 'patch', kind, key: keyOf(object), patch, subresource: 'status' })];
}
