import { equalJson, type Json } from '../../base/json.ts';
import { duplicate, type FieldError, forbidden, invalid, notSupported, required, tooLong } from '../field-error.ts';
import type { WriteContext } from '../kind.ts';
import { dnsLabel, dnsSubdomain } from '../names.ts';
import { certificateFault, requestFault } from './certificate-form.ts';
import { Checked } from './checks.ts';
import { statusWords } from './status-rules.ts';

export function certificateRules(
  next: object,
  previous: object | undefined,
  { subresource }: WriteContext,
): readonly FieldError[] {
  const root = new Checked(next);
  // What was asked for cannot change, so that it is judged once.
  if (!previous) specRules(root.at('spec'));
  const status = root.at('status');
  const before = previous && new Checked(previous).at('status');
  conditionsRules(status.at('conditions'));
  const certificate = status.at('certificate');
  if (!certificate.isEmpty && !equalJson(certificate.value as Json, before?.at('certificate').value as Json)) {
    const fault = certificateFault(certificate.text);
    if (fault) certificate.add(invalid(certificate.path, '<certificate data>', fault));
  }
  if (before) changeRules(status, before, subresource);
  return root.errors;
}

const usageWords = [
  ...['any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment'],
  ...['decipher only', 'digital signature', 'email protection', 'encipher only', 'ipsec end system', 'ipsec tunnel'],
  ...['ipsec user', 'key agreement', 'key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime'],
  ...['server auth', 'signing', 'timestamping'],
];
const legacySigner = 'kubernetes.io/legacy-unknown';
const shortestSeconds = 600;

function specRules(spec: Checked): void {
  const request = spec.at('request');
  const fault = requestFault(request.text);
  if (fault) request.invalid(fault);
  const usages = spec.at('usages');
  usages.needed();
  const seen = new Set<string>();
  for (const usage of usages.items()) {
    if (!usageWords.includes(usage.text)) usage.add(notSupported(usage.path, usage.text, usageWords));
    if (seen.has(usage.text)) usage.add(duplicate(usage.path, usage.text));
    seen.add(usage.text);
  }
  const signer = spec.at('signerName');
  if (signer.text === legacySigner) signer.invalid('the legacy signerName is not allowed via this API version');
  else signerRules(signer);
  const sentence = 'may not specify a duration less than 600 seconds (10 minutes)';
  spec.at('expirationSeconds').atLeast(shortestSeconds, sentence);
}

const domainBytesMax = 253;
const pathBytesMax = 571;

/** A domain of at least two parts, a slash, and a name below it. */
function signerRules(signer: Checked): void {
  if (!signer.needed()) return;
  const [domain = '', path = '', ...more] = signer.text.split('/');
  if (more.length > 0 || !signer.text.includes('/')) {
    signer.invalid("must be a fully qualified domain and path of the form 'example.com/signer-name'");
    return;
  }
  if (domain.length > domainBytesMax) signer.add(tooLong(signer.path, domainBytesMax));
  const labels = domain.split('.');
  const wrong = (part: string, sentence: string) => signer.add(invalid(signer.path, part, sentence));
  if (labels.length < 2) wrong(domain, 'should be a domain with at least two segments separated by dots');
  for (const label of labels) {
    for (const sentence of dnsLabel(label)) wrong(domain, `validating label ${JSON.stringify(label)}: ${sentence}`);
  }
  if (path.length > pathBytesMax) signer.add(tooLong(signer.path, pathBytesMax));
  for (const label of path.split('.')) {
    const sentences = label === '' ? dnsSubdomain(label) : dnsLabel(label);
    for (const sentence of sentences) wrong(path, `validating label ${JSON.stringify(label)}: ${sentence}`);
  }
}

const decisions = ['Approved', 'Denied'];
const lasting = [...decisions, 'Failed'];

function conditionsRules(conditions: Checked): void {
  const seen = new Set<string>();
  for (const condition of conditions.items()) {
    const type = condition.at('type');
    const status = condition.at('status');
    type.needed();
    const words = lasting.includes(type.text) ? ['True'] : statusWords;
    if (status.isEmpty) status.add(required(status.path));
    else if (!words.includes(status.text)) status.add(notSupported(status.path, status.text, words));
    const other = decisions.find((decision) => decision !== type.text && seen.has(decision));
    if (decisions.includes(type.text) && other) {
      const sentence = 'Approved and Denied conditions are mutually exclusive';
      conditions.add(invalid(conditions.path, type.text, sentence));
    }
    if (seen.has(type.text)) type.add(duplicate(type.path, type.text));
    seen.add(type.text);
  }
}

const ofType = (status: Checked, type: string): readonly Json[] =>
  status
    .at('conditions')
    .items()
    .filter((condition) => condition.at('type').text === type)
    .map((condition) => condition.value as Json);

function changeRules(status: Checked, before: Checked, subresource: string): void {
  const { path } = status.at('conditions');
  for (const type of lasting) {
    if (ofType(status, type).length < ofType(before, type).length) {
      status.add(forbidden(path, `updates may not remove a condition of type ${JSON.stringify(type)}`));
    }
  }
  if (subresource !== 'approval') {
    for (const type of decisions) {
      const [old, now] = [ofType(before, type), ofType(status, type)];
      const verb = now.length > old.length ? 'add' : now.length === old.length && !equalJson(now, old) ? 'modify' : '';
      if (verb) status.add(forbidden(path, `updates may not ${verb} a condition of type ${JSON.stringify(type)}`));
    }
  }
  const certificate = status.at('certificate');
  if (equalJson((certificate.value ?? '') as Json, (before.part.certificate ?? '') as Json)) return;
  if (subresource !== 'status') certificate.add(forbidden(certificate.path, 'updates may not set certificate content'));
  else if (before.part.certificate) {
    certificate.add(forbidden(certificate.path, 'updates may not modify existing certificate content'));
  }
}
