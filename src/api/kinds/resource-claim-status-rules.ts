import { duplicate, forbidden } from '../field-error.ts';
import { dnsLabel } from '../names.ts';
import type { Checked } from './checks.ts';
import { mapOf, partsOf, textOf } from './defaulting.ts';
import { referenceRules, referencesRules, requestNames } from './device-references.ts';
import { configurationRules, driverNameRules, poolNameRules } from './device-rules.ts';
import { validateNodeSelector } from './node-selection-rules.ts';
import { conditionRules } from './status-rules.ts';

const consumersMax = 256;

/** Who has what of a claim: given once, and not taken from those who use it. */
export function claimStatusRules(root: Checked, previous: Checked | undefined): void {
  const status = root.at('status');
  const before = previous?.at('status');
  const names = requestNames(root.at('spec').at('devices'));
  const allocation = status.at('allocation');
  const consumers = status.at('reservedFor');
  consumerRules(consumers);
  if (!allocation.isAbsent) allocationRules(allocation, names);
  for (const device of status.at('devices').items()) deviceRules(device, allocation);
  if (!consumers.isEmpty && allocation.isAbsent) {
    consumers.add(forbidden(consumers.path, 'may not be specified when `allocated` is not set'));
  } else if (root.at('metadata').part.deletionTimestamp !== undefined) {
    const old = new Set(partsOf(before?.part.reservedFor).map(({ uid }) => textOf(uid)));
    if (partsOf(consumers.value).some(({ uid }) => !old.has(textOf(uid)))) {
      const sentence = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set';
      consumers.add(forbidden(consumers.path, sentence));
    }
  }
  const given = before?.part.allocation;
  if (given && !allocation.isAbsent) allocation.sameStructure(given, 'resource.v1.AllocationResult');
}

function consumerRules(consumers: Checked): void {
  consumers.itemsAtMost(consumersMax);
  consumers.unique((consumer) => consumer.at('uid'));
  for (const consumer of consumers.items()) {
    for (const field of ['resource', 'name', 'uid']) consumer.at(field).needed();
  }
}

function allocationRules(allocation: Checked, names: ReadonlySet<string>): void {
  const devices = allocation.at('devices');
  for (const result of devices.at('results').items()) {
    referenceRules(result.at('request'), names);
    deviceNameRules(result);
  }
  for (const config of devices.at('config').items()) {
    config.at('source').neededOneOf('FromClaim', 'FromClass');
    referencesRules(config.at('requests'), names);
    configurationRules(config);
  }
  if (!allocation.at('nodeSelector').isAbsent) validateNodeSelector(allocation.at('nodeSelector'));
}

function deviceNameRules(device: Checked): void {
  driverNameRules(device.at('driver'));
  poolNameRules(device.at('pool'));
  device.at('device').like(dnsLabel);
}

const identity = (device: object): string => {
  const { driver, pool, device: name, shareID } = mapOf(device);
  return [driver, pool, name, shareID].map(textOf).join('/');
};
const addressesMax = 16;
const interfaceBytesMax = 256;
const hardwareBytesMax = 128;

function deviceRules(device: Checked, allocation: Checked): void {
  deviceNameRules(device);
  const results = partsOf(allocation.at('devices').part.results);
  if (!results.some((result) => identity(result) === identity(device.part))) {
    device.invalid('must be an allocated device in the claim');
  }
  conditionRules(device.at('conditions'));
  const network = device.at('networkData');
  network.at('interfaceName').bytesAtMost(interfaceBytesMax);
  network.at('hardwareAddress').bytesAtMost(hardwareBytesMax);
  network.at('ips').itemsAtMost(addressesMax);
  const seen = new Set<string>();
  for (const address of network.at('ips').items()) {
    if (seen.has(address.text)) address.add(duplicate(address.path, address.text));
    seen.add(address.text);
  }
}
