import { decodeText, equalJsonInSteps } from '../../base/json.ts';
import { membersIn, namesIn, type Steps, Stride } from '../../base/steps.ts';
import { tooLong } from '../field-error.ts';
import { configKey } from '../names.ts';
import { fromBase64 } from '../protobuf-wire.ts';
import { type Checked, rulesInSteps } from './checks.ts';

/** All values of a secret or a configuration map together. */
export const dataBytesMax = 1024 * 1024;
const accountName = 'kubernetes.io/service-account.name';
const redacted = '<secret contents redacted>';

export const secretRules = rulesInSteps(function* (root, previous) {
  const data = root.at('data');
  const stride = new Stride();
  let size = 0;
  for (const key of namesIn(data.part)) {
    const value = data.part[key];
    if (stride.isLong(membersIn(value))) yield stride.taken();
    for (const sentence of configKey(key)) data.key(key).invalidAs(key, sentence);
    size += base64Bytes(String(value ?? ''));
  }
  if (size > dataBytesMax) data.add(tooLong(data.path, dataBytesMax));
  byType[root.at('type').text]?.(root, data);
  if (!previous) return;
  root.at('type').same(previous.part.type);
  yield* frozenWhenImmutable(root, previous, ['data']);
});

/** How many bytes the text stands for. */
export const base64Bytes = (text: string): number => Math.floor((text.replace(/[=\s]+/g, '').length * 3) / 4);

/** An object that was once declared immutable stays so, and its data with it. */
export function* frozenWhenImmutable(root: Checked, previous: Checked, fields: readonly string[]): Steps<void> {
  if (previous.part.immutable !== true) return;
  const sentence = 'field is immutable when `immutable` is set';
  if (root.part.immutable !== true) root.at('immutable').forbidden(sentence);
  for (const field of fields) {
    const isSame = yield* equalJsonInSteps(root.part[field] ?? {}, previous.part[field] ?? {});
    if (!isSame) root.at(field).forbidden(sentence);
  }
}

const byType: Readonly<Record<string, (root: Checked, data: Checked) => void>> = {
  'kubernetes.io/service-account-token': (root) => {
    root.at('metadata').at('annotations').key(accountName).needed();
  },
  'kubernetes.io/dockercfg': (_root, data) => objectInside(data.key('.dockercfg')),
  'kubernetes.io/dockerconfigjson': (_root, data) => objectInside(data.key('.dockerconfigjson')),
  'kubernetes.io/basic-auth': (_root, data) => {
    const given = ['username', 'password'].filter((key) => !data.key(key).isAbsent);
    if (given.length > 0) return;
    data.key('username').needed();
    data.key('password').needed();
  },
  'kubernetes.io/ssh-auth': (_root, data) => {
    data.key('ssh-privatekey').needed();
  },
  'kubernetes.io/tls': (_root, data) => {
    for (const key of ['tls.crt', 'tls.key']) if (data.key(key).isAbsent) data.key(key).needed();
  },
};

/** The value must be the text of a JSON object. What it says stays out of the message. */
function objectInside(entry: Checked): void {
  if (entry.isAbsent) {
    entry.needed();
    return;
  }
  const problem = objectProblem(entry.text);
  if (problem) entry.invalidAs(redacted, problem);
}

function objectProblem(encoded: string): string | undefined {
  let value: unknown;
  try {
    const text = decodeText(fromBase64(encoded));
    if (text.trim() === '') return 'unexpected end of JSON input';
    value = JSON.parse(text);
  } catch {
    return 'invalid character in JSON input';
  }
  if (value === null || (typeof value === 'object' && !Array.isArray(value))) return undefined;
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
}
