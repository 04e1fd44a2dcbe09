import { required } from '../field-error.ts';
import { dnsLabel, dnsSubdomain, portNumber, qualifiedName } from '../names.ts';
import { endpointAddressSentences, strictAddress } from './addresses.ts';
import { type Checked, rulesOf } from './checks.ts';

export const endpointsRules = rulesOf((root) => {
  for (const subset of root.at('subsets').items()) validateSubset(subset);
});

function validateSubset(subset: Checked): void {
  const addresses = subset.at('addresses');
  const waiting = subset.at('notReadyAddresses');
  if (addresses.isEmpty && waiting.isEmpty) {
    subset.add(required(subset.path, 'must specify `addresses` or `notReadyAddresses`'));
  }
  for (const address of [...addresses.items(), ...waiting.items()]) {
    const ip = address.at('ip');
    ip.like(strictAddress);
    for (const sentence of endpointAddressSentences(ip.text)) ip.invalid(sentence);
    address.at('hostname').optionalLike(dnsLabel);
    if (!address.at('nodeName').isAbsent) address.at('nodeName').like(dnsSubdomain);
  }
  const ports = subset.at('ports').items();
  for (const port of ports) {
    if (ports.length > 1) port.at('name').needed();
    port.at('name').optionalLike(dnsLabel);
    for (const sentence of portNumber(port.at('port').number)) port.at('port').invalid(sentence);
    if (port.at('protocol').needed()) port.at('protocol').oneOf('SCTP', 'TCP', 'UDP');
    if (!port.at('appProtocol').isAbsent) port.at('appProtocol').like(qualifiedName);
  }
}
