import { byteLength } from '../base/text.ts';

// The grammars of names, with Kubernetes' sentences about what is wrong. No sentences: the text is fine.

export type Grammar = (text: string) => readonly string[];

const labelPattern = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomainPattern = String.raw`${labelPattern}(\.${labelPattern})*`;
const oldLabelPattern = '[a-z]([-a-z0-9]*[a-z0-9])?';
const underscoreLabel = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const underscorePattern = String.raw`${underscoreLabel}(\.${underscoreLabel})*`;
const qualifiedPattern = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const valuePattern = `(${qualifiedPattern})?`;

export const labelLengthMax = 63;
export const subdomainLengthMax = 253;

const labelSentence =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const subdomainSentence =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const oldLabelSentence =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const underscoreSentence =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";
const qualifiedSentence =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const valueSentence =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

const whole = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`);

/** The sentence with examples and the expression, as all of them end. */
function withExamples(sentence: string, pattern: string, ...examples: readonly string[]): string {
  const listed = examples.map((example) => `'${example}', `).join(' or ');
  return `${sentence} (e.g. ${listed}regex used for validation is '${pattern}')`;
}

interface GrammarFacts {
  readonly max: number;
  readonly unit: 'characters' | 'bytes';
  readonly pattern: string;
  readonly sentence: string;
}
function grammar({ max, unit, pattern, sentence }: GrammarFacts): Grammar {
  const expression = whole(pattern);
  return (text) => {
    const isRight = expression.test(text);
    // What is written rightly has one byte for each letter.
    if (isRight && text.length <= max) return fine;
    return [...(byteLength(text) > max ? [`must be no more than ${max} ${unit}`] : []), ...(isRight ? [] : [sentence])];
  };
}

const fine: readonly string[] = [];

const plainLabel = grammar({
  max: labelLengthMax,
  unit: 'characters',
  pattern: labelPattern,
  sentence: withExamples(labelSentence, labelPattern, 'my-name', '123-abc'),
});
export const dnsLabel: Grammar = (text) => {
  const sentences = plainLabel(text);
  // Where dots are all that is wrong, they are named.
  if (sentences.length === 0 || !text.includes('.') || dnsSubdomain(text).length > 0) return sentences;
  return [...sentences.slice(0, -1), 'must not contain dots'];
};
export const dnsSubdomain = grammar({
  max: subdomainLengthMax,
  unit: 'characters',
  pattern: subdomainPattern,
  sentence: withExamples(subdomainSentence, subdomainPattern, 'example.com'),
});
/** A label that may not begin with a digit. */
export const dnsOldLabel = grammar({
  max: labelLengthMax,
  unit: 'characters',
  pattern: oldLabelPattern,
  sentence: withExamples(oldLabelSentence, oldLabelPattern, 'my-name', 'abc-123'),
});
export const dnsSubdomainWithUnderscore = grammar({
  max: subdomainLengthMax,
  unit: 'characters',
  pattern: underscorePattern,
  sentence: withExamples(underscoreSentence, underscorePattern, 'example.com'),
});
export const labelValue = grammar({
  max: labelLengthMax,
  unit: 'bytes',
  pattern: valuePattern,
  sentence: withExamples(valueSentence, valuePattern, 'MyValue', 'my_value', '12345'),
});

const namePart = whole(qualifiedPattern);
const qualifiedExamples = withExamples(qualifiedSentence, qualifiedPattern, 'MyName', 'my.name', '123-abc');

/** A label's key: a name, with a domain before a slash where somebody owns it. */
export const qualifiedName: Grammar = (text) => {
  const parts = text.split('/');
  if (parts.length > 2) {
    return [
      `a qualified name ${qualifiedExamples} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const errors: string[] = [];
  if (parts.length === 2) {
    const prefix = parts[0] as string;
    if (prefix === '') errors.push('prefix part must be non-empty');
    else errors.push(...dnsSubdomain(prefix).map((sentence) => `prefix part ${sentence}`));
  }
  const name = parts[parts.length - 1] as string;
  if (name === '') errors.push('name part must be non-empty');
  else if (byteLength(name) > labelLengthMax) errors.push(`name part must be no more than ${labelLengthMax} bytes`);
  if (!namePart.test(name)) errors.push(`name part ${qualifiedExamples}`);
  return errors;
};

/** What may stand between two slashes of a path: the names of roles. */
export const pathSegment: Grammar = (text) => {
  if (text === '.' || text === '..') return [`may not be '${text}'`];
  return ['/', '%'].filter((part) => text.includes(part)).map((part) => `may not contain '${part}'`);
};

/** The name of a port: short, with a letter, no doubled hyphens. */
export const portName: Grammar = (text) => {
  const errors: string[] = [];
  if (byteLength(text) > 15) errors.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(text)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(text)) errors.push('must contain at least one letter (a-z)');
  if (text.includes('--')) errors.push('must not contain consecutive hyphens');
  if (text.startsWith('-') || text.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
};

export const portNumber = (port: number): readonly string[] =>
  port >= 1 && port <= 65_535 ? [] : ['must be between 1 and 65535, inclusive'];

const environmentSentence =
  "a valid environment variable name must consist only of printable ASCII characters other than '='";
export const environmentName: Grammar = (text) => {
  if (text === '') return [`environment variable name must be non-empty`];
  return /^[ -<>-~]+$/.test(text) ? [] : [environmentSentence];
};

const configKeyPattern = '[-._a-zA-Z0-9]+';
const configKeyForm = whole(configKeyPattern);
/** A key of a ConfigMap or Secret: it becomes a file's name. */
export const configKey: Grammar = (text) => {
  const errors: string[] = [];
  if (byteLength(text) > subdomainLengthMax) errors.push('must be no more than 253 characters');
  if (!configKeyForm.test(text)) {
    const sentence = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    errors.push(withExamples(sentence, configKeyPattern, 'key.name', 'KEY_NAME', 'key-name'));
  }
  if (text === '.') errors.push("must not be '.'");
  if (text === '..') errors.push("must not be '..'");
  else if (text.startsWith('..')) errors.push("must not start with '..'");
  return errors;
};

const headerPattern = '[-A-Za-z0-9]+';
export const headerName: Grammar = (text) =>
  whole(headerPattern).test(text)
    ? []
    : [
        withExamples(
          "a valid HTTP header must consist of alphanumeric characters or '-'",
          headerPattern,
          'X-Header-Name',
        ),
      ];

const octet = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const ip4 = whole(String.raw`${octet}\.${octet}\.${octet}\.${octet}`);
export const isIpv4 = (text: string): boolean => ip4.test(text);
export function isIpv6(text: string): boolean {
  if (!text.includes(':') || text.includes('%')) return false;
  const dotted = text.includes('.');
  const tail = text.slice(text.lastIndexOf(':') + 1);
  if (dotted && !isIpv4(tail)) return false;
  const plain = dotted ? `${text.slice(0, text.lastIndexOf(':') + 1)}0:0` : text;
  const halves = plain.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}
export const ipAddress: Grammar = (text) =>
  isIpv4(text) || isIpv6(text) ? [] : ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'];
export const cidr: Grammar = (text) => {
  const [address = '', bits = '', more] = text.split('/');
  const limit = isIpv4(address) ? 32 : isIpv6(address) ? 128 : -1;
  const fine = more === undefined && /^(0|[1-9][0-9]*)$/.test(bits) && Number(bits) <= limit;
  return fine ? [] : ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'];
};
