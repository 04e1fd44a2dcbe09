import { byteLength } from '../base/text.ts';
import { parseTimestamp } from './cel/library/time-text.ts';
import { isUrl } from './cel/library/urls.ts';
import { isEmail } from './email.ts';
import { cidr, dnsLabel, dnsSubdomain, isIpv4, isIpv6 } from './names.ts';
import { parseDuration } from './schema/scalars.ts';

type Fits = (text: string) => boolean;

const like =
  (form: RegExp): Fits =>
  (text) =>
    form.test(text);

/** The letter is where its version stands. */
const uuidForm = (version: string, variant = '[0-9a-f]'): Fits =>
  like(new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?${variant}[0-9a-f]{3}-?[0-9a-f]{12}$`, 'i'));

const isDate: Fits = (text) => /^\d{4}-\d\d-\d\d$/.test(text) && parseTimestamp(`${text}T00:00:00Z`) !== undefined;

/** What follows a second T is not looked at, and a fraction may stand behind any character. */
function isDateTime(text: string): boolean {
  const [date = '', time = ''] = text.toLowerCase().split('t');
  const parts = /^(\d\d):(\d\d):(\d\d)(?:.\d+)?(?:z|[+-]\d\d:\d\d)$/.exec(time);
  if (!parts || !isDate(date)) return false;
  const [, hour = '', minute = '', second = ''] = parts;
  return hour <= '23' && minute <= '59' && second <= '59';
}

/** Numbers with units anywhere in the text, the last name of each unit with any ending: `2 minutes`. */
const looseUnit = /^(?:ns|us|ms|s|m|h|d|w|µs|hr|wk|nano.*|micro.*|milli.*|sec.*|min.*|hour.*|day.*|week.*)$/i;
const intMax = 2n ** 63n - 1n;

function isDuration(text: string): boolean {
  if (parseDuration(text) !== undefined) return true;
  let isFound = false;
  for (const [, number = '', unit = ''] of text.matchAll(/(\d+)\s*([A-Za-zµ]+)/g)) {
    if (number.length > 18 && BigInt(number) > intMax) return false;
    isFound ||= looseUnit.test(unit);
  }
  return isFound;
}

const hostBytesMax = 255;
const labelBytesMax = 63;
/** As upstream's expression reads: one label alone has no dash but behind its first letter. */
const oneLabel = /^[a-z0-9\p{S}\p{L}]-?[a-z0-9\p{S}\p{L}]{0,62}$/iu;
const innerLabel = /^[a-z0-9\p{S}\p{L}](?:[a-z0-9\-\p{S}\p{L}]*[a-z0-9\p{S}\p{L}])?$/iu;
const lastLabel = /^[a-z\p{L}]{2,63}$/iu;

function isHostname(text: string): boolean {
  if (byteLength(text) > hostBytesMax) return false;
  const labels = text.split('.');
  if (labels.some((label) => byteLength(label) > labelBytesMax)) return false;
  const last = labels.pop() as string;
  if (labels.length === 0) return oneLabel.test(last);
  return lastLabel.test(last) && labels.every((label) => innerLabel.test(label));
}

/** Leading zeros are nothing here. */
const withoutZeros = (text: string): string => text.replace(/(^|[.:/])0+(?=[0-9a-f])/gi, '$1');
const isAnyIp: Fits = (text) => isIpv4(text) || isIpv6(text);

/** The first three bytes tell how they are parted. */
const isMac: Fits = like(
  /^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}(?:(?:\1[0-9a-f]{2}){2}|(?:\1[0-9a-f]{2}){14})?$|^[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}(?:\.[0-9a-f]{4}|(?:\.[0-9a-f]{4}){7})?$/i,
);

const digitsOf = (text: string): number[] => [...text].map((digit) => (digit === 'X' ? 10 : Number(digit)));
const withoutGaps = (text: string): string => text.replace(/[\s-]+/g, '');

function isIsbn10(text: string): boolean {
  const plain = withoutGaps(text);
  if (!/^(?:\d{9}X|\d{10})$/.test(plain)) return false;
  return digitsOf(plain).reduce((sum, digit, index) => sum + (index + 1) * digit, 0) % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const plain = withoutGaps(text);
  if (!/^\d{13}$/.test(plain)) return false;
  return digitsOf(plain).reduce((sum, digit, index) => sum + (index % 2 === 0 ? 1 : 3) * digit, 0) % 10 === 0;
}

const issuers =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;

function isCreditCard(text: string): boolean {
  const plain = text.replace(/\D+/g, '');
  if (!issuers.test(plain)) return false;
  const sum = digitsOf(plain)
    .reverse()
    .reduce((total, digit, index) => {
      const counted = index % 2 === 0 ? digit : digit * 2;
      return total + (counted > 9 ? counted - 9 : counted);
    }, 0);
  return sum % 10 === 0;
}

const color = String.raw`\s*(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*`;
const formats: Readonly<Record<string, Fits>> = {
  bsonobjectid: like(/^[0-9a-f]{24}$/i),
  byte: like(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/),
  cidr: (text) => cidr(withoutZeros(text)).length === 0,
  creditcard: isCreditCard,
  date: isDate,
  datetime: isDateTime,
  duration: isDuration,
  email: isEmail,
  hexcolor: like(/^#?(?:[0-9a-f]{3}|[0-9a-f]{6})$/i),
  hostname: isHostname,
  ipv4: (text) => text.includes('.') && isAnyIp(withoutZeros(text)),
  ipv6: isIpv6,
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  k8slongname: (text) => dnsSubdomain(text).length === 0,
  k8sshortname: (text) => dnsLabel(text).length === 0,
  mac: isMac,
  password: () => true,
  rgbcolor: like(new RegExp(String.raw`^rgb\(${color},${color},${color}\)$`)),
  ssn: (text) => text.length === 11 && /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  uri: isUrl,
  uuid: uuidForm('[0-9a-f]'),
  uuid3: uuidForm('3'),
  uuid4: uuidForm('4', '[89ab]'),
  uuid5: uuidForm('5', '[89ab]'),
};

/** Dashes in the name of a format are nothing. */
const nameOf = (format: string): string => format.replaceAll('-', '');

const numberFormats: Readonly<Record<string, readonly string[]>> = {
  integer: ['int32', 'int64'],
  number: ['float', 'double'],
};

interface Formatted {
  readonly type?: string;
  readonly format?: string;
}

/** The format of a schema, where it is one that values of its type have. Others say nothing. */
export function formatOf({ type, format }: Formatted): string | undefined {
  if (format === undefined) return undefined;
  const isKnown =
    type === undefined || type === 'string'
      ? Object.hasOwn(formats, nameOf(format))
      : (numberFormats[type]?.includes(format) ?? false);
  return isKnown ? format : undefined;
}

/** Whether a text is of the format, one that `formatOf` answered. */
export const fitsFormat = (format: string, text: string): boolean => formats[nameOf(format)]?.(text) ?? true;
