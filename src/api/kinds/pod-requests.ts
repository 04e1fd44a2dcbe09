import { addQuantity, compareQuantity, formatQuantity, parseQuantity, type Quantity } from '../quantity.ts';
import { mapOf, type Part, partOf, partsOf } from './defaulting.ts';

const nothing: Quantity = { nanos: 0n, format: 'decimal' };

/** How much of a resource a pod's containers need at once. Undefined where none of them says. */
export function requestOf(spec: Part, name: string): string | undefined {
  const containers = partsOf(spec.containers);
  const starters = partsOf(spec.initContainers);
  const texts = [...containers, ...starters].map((container) => textOf(container, name));
  if (texts.every((text) => text === undefined)) return undefined;
  const sum = containers.reduce((all, container) => addQuantity(all, amountOf(container, name)), nothing);
  // What starts runs beside those that started before it and go on.
  let lasting = nothing;
  let most = nothing;
  for (const starter of starters) {
    const together = addQuantity(lasting, amountOf(starter, name));
    if (compareQuantity(together, most) > 0) most = together;
    if (starter.restartPolicy === 'Always') lasting = together;
  }
  const all = addQuantity(sum, lasting);
  return formatQuantity(compareQuantity(most, all) > 0 ? most : all);
}

const textOf = (container: Part, name: string): string | undefined => mapOf(partOf(container.resources).requests)[name];

function amountOf(container: Part, name: string): Quantity {
  const text = textOf(container, name);
  return text === undefined ? nothing : parseQuantity(text);
}
