import type { Shape } from '../cel/cost.ts';
import { estimateCost } from '../cel/cost.ts';
import { baseEnvironment } from '../cel/kubernetes.ts';
import { quantityType } from '../cel/library/quantities.ts';
import { compile, perCallCostMax } from '../cel/program.ts';
import type { CelType } from '../cel/type.ts';
import * as types from '../cel/type.ts';

/** By domain, then by name. */
const byDomain = (value: CelType): CelType => types.mapOf(types.string, types.mapOf(types.string, value));
const fields: Readonly<Record<string, CelType>> = {
  driver: types.string,
  allowMultipleAllocations: types.bool,
  attributes: byDomain(types.dyn),
  capacity: byDomain(quantityType),
};
const deviceType: CelType = { kind: 'object', name: 'kubernetes.DRADevice', field: (name) => fields[name] };
const environment = baseEnvironment.withVariables({ device: deviceType });

/** A device holds so many attributes and capacities, with values of that length at most. */
const partsMax = 32;
const textMax = 64;
const upTo = (max: number): Shape => ({ size: { min: 0, max } });
const byName: Shape = { ...upTo(partsMax), key: upTo(textMax), element: upTo(textMax) };
const shapes: Readonly<Record<string, Shape>> = {
  driver: upTo(textMax),
  attributes: { ...upTo(partsMax), key: upTo(textMax), element: byName },
  capacity: { ...upTo(partsMax), key: upTo(textMax), element: byName },
};
const deviceShape: Shape = { size: { min: 1, max: 1 }, field: (name) => shapes[name] };

/** What is wrong with an expression that chooses devices; nothing where it is fine. */
export function deviceSelectorError(source: string): string | undefined {
  const { program, error } = compile(environment, source, { wanted: [types.bool] });
  if (!program) return error;
  const { cost } = estimateCost(program.expression, program.checked, () => deviceShape);
  return cost.max > perCallCostMax ? 'too complex, exceeds cost limit' : undefined;
}
