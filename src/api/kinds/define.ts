import { assert } from '../../base/env.ts';
import { type Kind, type KindRules, makeKind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { resources } from '../schema/tables/resources.ts';

/** A built-in kind: upstream's facts joined with our rules. */
export function defineKind<T extends KubeObject>(apiVersion: string, kind: string, rules: KindRules<T> = {}): Kind<T> {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  const facts = resources.find((r) => r.group === group && r.version === version && r.kind === kind);
  assert(facts !== undefined, `no facts about ${kind} in ${apiVersion}`);
  return makeKind(facts, rules);
}
