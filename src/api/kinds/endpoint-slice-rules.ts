import { equalJson, type Json } from '../../base/json.ts';
import { duplicate, invalid, tooMany } from '../field-error.ts';
import { dnsLabel, dnsSubdomain, type Grammar, isIpv4, isIpv6, labelValue, qualifiedName } from '../names.ts';
import { endpointAddressSentences, strictAddress } from './addresses.ts';
import { type Checked, rulesOf } from './checks.ts';
import { presentOneOf } from './match-rules.ts';

const endpointsMax = 1_000;
const addressesMax = 100;
const portsMax = 20_000;
const hintsMax = 8;
const topologyMax = 16;

export const endpointSliceRules = rulesOf((root, previous) => {
  const type = root.at('addressType');
  if (type.needed()) type.oneOf('FQDN', 'IPv4', 'IPv6');
  portListRules(root.at('ports'));
  const endpoints = root.at('endpoints');
  // What was never right may stay.
  if (!previous || !equalJson(endpoints.value as Json, previous.at('endpoints').value as Json))
    endpointListRules(endpoints, type.text);
  if (previous) type.same(previous.at('addressType').value);
});

/** Whether there are at most so many; the others are not looked at. */
function fits(list: Checked, max: number): boolean {
  const count = list.items().length;
  if (count > max) list.add(tooMany(list.path, count, max));
  return count <= max;
}

function endpointListRules(endpoints: Checked, addressType: string): void {
  if (!fits(endpoints, endpointsMax)) return;
  for (const endpoint of endpoints.items()) {
    addressRules(endpoint.at('addresses'), addressType);
    const node = endpoint.at('nodeName');
    if (!node.isAbsent) node.like(dnsSubdomain);
    topologyRules(endpoint.at('deprecatedTopology'));
    const host = endpoint.at('hostname');
    if (!host.isAbsent) host.like(dnsLabel);
    hintRules(endpoint.at('hints').at('forZones'), labelValue);
    hintRules(endpoint.at('hints').at('forNodes'), dnsSubdomain);
  }
}

function addressRules(addresses: Checked, type: string): void {
  if (!addresses.needed('must contain at least 1 address')) return;
  fits(addresses, addressesMax);
  for (const address of addresses.items()) {
    if (type === 'FQDN') fullNameRules(address);
    else if (type === 'IPv4' || type === 'IPv6') {
      address.like(strictAddress);
      const other = type === 'IPv4' ? isIpv6(address.text) : isIpv4(address.text);
      if (other) address.invalid(`must be an ${type} address`);
      for (const sentence of endpointAddressSentences(address.text)) address.invalid(sentence);
    }
  }
}

/** A name of a domain and something in it, which may end in the dot of the root. */
function fullNameRules(name: Checked): void {
  if (!name.needed()) return;
  const text = name.text.replace(/\.$/, '');
  for (const sentence of dnsSubdomain(text)) name.add(invalid(name.path, name.text, sentence));
  if (dnsSubdomain(text).length > 0) return;
  const labels = text.split('.');
  if (labels.length < 2) name.invalid('should be a domain with at least two segments separated by dots');
  for (const label of labels) {
    for (const sentence of dnsLabel(label)) name.add(invalid(name.path, label, sentence));
  }
}

function topologyRules(topology: Checked): void {
  const keys = Object.keys(topology.part);
  if (keys.length > topologyMax) topology.add(tooMany(topology.path, keys.length, topologyMax));
}

function hintRules(hints: Checked, grammar: Grammar): void {
  if (hints.isAbsent || !fits(hints, hintsMax)) return;
  const names = new Set<string>();
  for (const hint of hints.items()) {
    const name = hint.at('name');
    if (names.has(name.text)) name.add(duplicate(name.path, name.text));
    names.add(name.text);
    name.like(grammar);
  }
}

function portListRules(ports: Checked): void {
  if (!fits(ports, portsMax)) return;
  const names = new Set<string>();
  for (const port of ports.items()) {
    const name = port.at('name');
    if (!name.isEmpty) name.like(dnsLabel);
    if (names.has(name.text)) name.add(duplicate(name.path, name.text));
    names.add(name.text);
    // The number is anything: upstream does not look at it.
    presentOneOf(port.at('protocol'), ['SCTP', 'TCP', 'UDP']);
    const application = port.at('appProtocol');
    if (!application.isAbsent) application.like(qualifiedName);
  }
}
