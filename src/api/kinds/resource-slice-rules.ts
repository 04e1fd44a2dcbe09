import { invalid, required } from '../field-error.ts';
import { dnsLabel, dnsSubdomain } from '../names.ts';
import { Checked, rulesOf } from './checks.ts';
import { partsOf } from './defaulting.ts';
import { attributeNameRules, deviceTaintRules, driverNameRules, poolNameRules, uniqueNames } from './device-rules.ts';
import { validateNodeSelector } from './node-selection-rules.ts';

const devicesMax = 128;
/** Where devices are tainted or share counters, a slice holds fewer of them. */
const complexDevicesMax = 64;
const describedMax = 32;
const taintsMax = 16;
const counterSetsMax = 8;
const countersMax = 32;
const consumptionsMax = 2;
const conditionsMax = 4;
const valueBytesMax = 64;

export const resourceSliceRules = rulesOf((root, previous) => {
  const spec = root.at('spec');
  driverNameRules(spec.at('driver'));
  poolRules(spec.at('pool'));
  const perDevice = spec.part.perDeviceNodeSelection === true;
  oneSelection(spec, ['nodeName', 'nodeSelector', 'allNodes', 'perDeviceNodeSelection']);
  devicesRules(spec, perDevice);
  const sets = spec.at('sharedCounters');
  if (sets.itemsAtMost(counterSetsMax)) for (const set of sets.items()) counterSetRules(set);
  uniqueNames(sets);
  if (!previous) return;
  const before = previous.at('spec');
  for (const field of ['driver', 'nodeName']) spec.at(field).same(before.part[field]);
  spec.at('pool').at('name').same(before.at('pool').part.name);
});

function poolRules(pool: Checked): void {
  poolNameRules(pool.at('name'));
  if (pool.at('resourceSliceCount').number <= 0) {
    pool.add(
      invalid(`${pool.path}.resourceSliceCount`, pool.at('resourceSliceCount').number, 'must be greater than zero'),
    );
  }
  pool.at('generation').atLeast(0, 'must be greater than or equal to zero');
}

/** Where the devices can be reached from is said in exactly one way. */
function oneSelection(part: Checked, fields: readonly string[]): void {
  const set = fields.filter((field) => selectionRules(part.at(field), field));
  const sentence = `exactly one of ${fields.map((field) => `\`${field}\``).join(', ')} is required`;
  if (set.length === 0) part.add(required(part.path, sentence));
  if (set.length > 1) {
    part.add(invalid(part.path, `{${set.join(', ')}}`, `${sentence}, but multiple fields are set`));
  }
}

/** Whether it says anything. */
function selectionRules(selection: Checked, field: string): boolean {
  if (selection.isAbsent) return false;
  if (field === 'nodeName') {
    if (selection.text === '') {
      selection.invalid('must be either unset or set to a non-empty string');
      return false;
    }
    selection.like(dnsSubdomain);
  } else if (field === 'nodeSelector') {
    const terms = selection.at('nodeSelectorTerms');
    if (partsOf(terms.value).length !== 1) terms.invalid('must have exactly one node selector term');
    else validateNodeSelector(selection);
  } else if (selection.value !== true) {
    selection.invalid('must be either unset or set to true');
    return false;
  }
  return true;
}

function devicesRules(spec: Checked, perDevice: boolean): void {
  const devices = spec.at('devices');
  const complex = partsOf(devices.value).some(
    ({ taints, consumesCounters }) => partsOf(taints).length + partsOf(consumesCounters).length > 0,
  );
  if (devices.itemsAtMost(complex ? complexDevicesMax : devicesMax)) {
    for (const device of devices.items()) {
      deviceRules(device);
      if (perDevice) oneSelection(device, ['nodeName', 'nodeSelector', 'allNodes']);
      else withoutSelection(device);
    }
  }
  uniqueNames(devices);
}

function withoutSelection(device: Checked): void {
  for (const field of ['nodeName', 'nodeSelector', 'allNodes']) {
    const sentence = '`perDeviceNodeSelection` must be set to true in the ResourceSlice spec';
    if (!device.at(field).isAbsent) device.at(field).invalid(sentence);
  }
}

function deviceRules(device: Checked): void {
  device.at('name').like(dnsLabel);
  const described = device.at('attributes').entries().length + device.at('capacity').entries().length;
  if (described > describedMax) {
    const sentence = `the total number of attributes and capacities must not exceed ${describedMax}`;
    device.add(invalid(device.path, described, sentence));
  }
  for (const attribute of device.at('attributes').entries()) attributeRules(attribute);
  for (const list of ['attributes', 'capacity']) namesRules(device.at(list));
  const taints = device.at('taints');
  if (taints.itemsAtMost(taintsMax)) taints.items().forEach(deviceTaintRules);
  const consumed = device.at('consumesCounters');
  if (consumed.itemsAtMost(consumptionsMax)) {
    for (const consumption of consumed.items()) {
      consumption.at('counterSet').needed();
      if (consumption.at('counters').entries().length === 0) {
        consumption.add(required(`${consumption.path}.counters`));
      }
    }
  }
  consumed.unique((consumption) => consumption.at('counterSet'));
  for (const list of ['bindingConditions', 'bindingFailureConditions']) device.at(list).itemsAtMost(conditionsMax);
}

/** Names of attributes and capacities are keys, so they are told where the map stands. */
function namesRules(map: Checked): void {
  for (const name of Object.keys(map.part)) attributeNameRules(new Checked(name, map.path, map.errors));
}

// The grammar of semver.org: three numbers, and what comes before a release or belongs to a build.
const number = '(?:0|[1-9][0-9]*)';
const identifier = `(?:${number}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)`;
const build = '[0-9a-zA-Z-]+';
const semver = new RegExp(
  String.raw`^${number}\.${number}\.${number}(?:-${identifier}(?:\.${identifier})*)?(?:\+${build}(?:\.${build})*)?$`,
);

function attributeRules(attribute: Checked): void {
  const fields = ['bool', 'int', 'string', 'version', 'bools', 'ints', 'strings', 'versions'];
  const set = fields.filter((field) => !attribute.at(field).isAbsent);
  attribute.at('string').bytesAtMost(valueBytesMax);
  const version = attribute.at('version');
  if (!version.isAbsent) {
    if (!semver.test(version.text)) version.invalid('must be a string compatible with semver.org spec 2.0.0');
    version.bytesAtMost(valueBytesMax);
  }
  if (set.length !== 1) attribute.add(invalid(attribute.path, '', 'exactly one value must be specified'));
}

function counterSetRules(set: Checked): void {
  if (set.at('name').needed()) set.at('name').like(dnsLabel);
  const counters = set.at('counters').entries();
  if (counters.length === 0) set.add(required(`${set.path}.counters`));
  if (counters.length > countersMax)
    set.add(invalid(`${set.path}.counters`, counters.length, `must not exceed ${countersMax}`));
  const { part, path, errors } = set.at('counters');
  for (const name of Object.keys(part)) new Checked(name, path, errors).like(dnsLabel);
}
