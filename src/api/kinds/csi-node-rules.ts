import { equalJson } from '../../base/json.ts';
import { duplicate, invalid, required } from '../field-error.ts';
import { qualifiedName } from '../names.ts';
import { goView } from '../schema/go-view.ts';
import { type Checked, rulesOf } from './checks.ts';
import { type Part, partsOf } from './defaulting.ts';
import { csiDriverName } from './volume-source-rules.ts';

const nodeIdLengthMax = 256;

export const csiNodeRules = rulesOf((root, previous) => {
  const drivers = root.at('spec').at('drivers');
  const seen = new Set<string>();
  for (const driver of drivers.items()) {
    driverRules(driver);
    const name = driver.at('name');
    if (seen.has(name.text)) name.add(duplicate(name.path, name.text));
    seen.add(name.text);
  }
  for (const before of partsOf(previous?.at('spec').part.drivers)) {
    const now = partsOf(drivers.value).find(({ name }) => name === before.name);
    if (now && !equalJson(fixed(now), fixed(before))) {
      drivers.invalidAs(goView('storage.v1.CSINodeDriver', { ...now, allocatable: null }), 'field is immutable');
    }
  }
});

/** How many volumes a driver can still take may change; who it is may not. */
function fixed({ allocatable: _changes, topologyKeys, ...driver }: Part): Part {
  return { ...driver, topologyKeys: topologyKeys ?? [] };
}

function driverRules(driver: Checked): void {
  csiDriverName(driver.at('name'));
  const id = driver.at('nodeID');
  if (id.needed() && id.text.length > nodeIdLengthMax) id.invalid(`must be ${nodeIdLengthMax} characters or less`);
  driver.at('allocatable').at('count').notNegative();
  const seen = new Set<string>();
  // Upstream tells what is wrong with a key where the driver stands.
  for (const { text } of driver.at('topologyKeys').items()) {
    if (text === '') driver.add(required(driver.path));
    if (seen.has(text)) driver.add(duplicate(driver.path, text));
    seen.add(text);
    for (const sentence of qualifiedName(text)) driver.add(invalid(driver.path, text, sentence));
  }
}
