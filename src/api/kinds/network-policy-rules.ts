import { forbidden, invalid, notSupported, required } from '../field-error.ts';
import { portName, portNumber } from '../names.ts';
import { isStrictlyWithin, rangeOf, strictRange } from './addresses.ts';
import { type Checked, rulesOf } from './checks.ts';

export const networkPolicyRules = rulesOf((root) => validatePolicy(root.at('spec')));

const policyTypes = ['Ingress', 'Egress'];

function validatePolicy(spec: Checked): void {
  spec.at('podSelector').selector();
  for (const [way, peers] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const) {
    for (const rule of spec.at(way).items()) {
      for (const port of rule.at('ports').items()) validatePort(port);
      for (const peer of rule.at(peers).items()) validatePeer(peer);
    }
  }
  const types = spec.at('policyTypes');
  if (types.items().length > policyTypes.length) types.invalid('may not specify more than two policyTypes');
  else
    for (const type of types.items())
      if (!policyTypes.includes(type.text)) type.add(notSupported(type.path, type.text, policyTypes));
}

function validatePort(item: Checked): void {
  item.at('protocol').optionalOneOf('TCP', 'UDP', 'SCTP');
  const port = item.at('port');
  const last = item.at('endPort');
  if (typeof port.value === 'number') for (const sentence of portNumber(port.value)) port.invalid(sentence);
  else if (!port.isAbsent) for (const sentence of portName(port.text)) port.invalid(sentence);
  if (last.isAbsent) return;
  if (port.isAbsent) last.invalid('may not be specified when `port` is not specified');
  else if (typeof port.value !== 'number') last.invalid('may not be specified when `port` is non-numeric');
  if (typeof port.value !== 'number') return;
  if (last.number < port.value) last.invalid('must be greater than or equal to `port`');
  for (const sentence of portNumber(last.number)) last.invalid(sentence);
}

function validatePeer(peer: Checked): void {
  const pods = peer.at('podSelector');
  const namespaces = peer.at('namespaceSelector');
  const block = peer.at('ipBlock');
  pods.selector();
  namespaces.selector();
  if (pods.isAbsent && namespaces.isAbsent && block.isAbsent) {
    peer.add(required(peer.path, 'must specify a peer'));
  } else if (!block.isAbsent && !(pods.isAbsent && namespaces.isAbsent)) {
    peer.add(forbidden(peer.path, 'may not specify both ipBlock and another peer'));
  }
  if (block.isAbsent) return;
  const range = block.at('cidr');
  if (!range.needed()) return;
  range.like(strictRange);
  const outer = rangeOf(range.text);
  if (!outer) return;
  for (const except of block.at('except').items()) {
    const inner = rangeOf(except.text);
    if (strictRange(except.text).length > 0 || !inner) except.like(strictRange);
    else if (!isStrictlyWithin(outer, inner)) {
      except.add(invalid(except.path, except.text, 'must be a strict subset of `cidr`'));
    }
  }
}
