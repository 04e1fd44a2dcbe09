import { parseTimestamp } from '../cel/library/time-text.ts';
import { isUrl } from '../cel/library/urls.ts';
import { cidr, dnsLabel, dnsSubdomain, isIpv4, isIpv6 } from '../names.ts';
import { canonicalBase64, parseDuration } from '../schema/scalars.ts';

type Fits = (text: string) => boolean;
const uuidForm = (version: string): Fits => {
  const form = new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, 'i');
  return (text) => form.test(text);
};
const like =
  (form: RegExp): Fits =>
  (text) =>
    form.test(text);
const isDate: Fits = (text) => /^\d{4}-\d\d-\d\d$/.test(text) && parseTimestamp(`${text}T00:00:00Z`) !== undefined;
const isDateTime: Fits = (text) =>
  parseTimestamp(text.replace(' ', 'T').replace(/[tz]/g, (c) => c.toUpperCase())) !== undefined;

function luhn(text: string): boolean {
  const digits = [...text.replace(/[ -]/g, '')].reverse().map(Number);
  const total = digits.reduce(
    (sum, digit, index) => sum + (index % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2),
    0,
  );
  return /^[\d -]{13,23}$/.test(text) && total % 10 === 0;
}

/** What upstream's validator knows; other formats say nothing. */
const formats: Readonly<Record<string, Fits>> = {
  byte: (text) => 'value' in canonicalBase64(text),
  bsonobjectid: like(/^[0-9a-f]{24}$/i),
  cidr: (text) => cidr(text).length === 0,
  creditcard: luhn,
  date: isDate,
  'date-time': isDateTime,
  datetime: isDateTime,
  duration: (text) => parseDuration(text) !== undefined || /^\d+(\.\d+)?\s*(ns|us|µs|ms|s|m|h|d|w)[a-z]*$/i.test(text),
  email: like(/^[^\s@<>]+@[^\s@<>]+$/),
  hexcolor: like(/^#?(?:[0-9a-f]{3}|[0-9a-f]{6})$/i),
  hostname: (text) =>
    text.length < 256 &&
    like(/^([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)*\.?$/)(
      text,
    ),
  ipv4: isIpv4,
  ipv6: isIpv6,
  isbn: like(/^(?:\d{9}[\dX]|\d{13})$/),
  isbn10: like(/^\d{9}[\dX]$/),
  isbn13: like(/^\d{13}$/),
  'k8s-long-name': (text) => dnsSubdomain(text).length === 0,
  'k8s-short-name': (text) => dnsLabel(text).length === 0,
  mac: like(/^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$|^(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}$/i),
  password: () => true,
  rgbcolor: like(/^rgb\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*\)$/),
  ssn: like(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/),
  uri: isUrl,
  uuid: uuidForm('[0-9a-f]'),
  uuid3: uuidForm('3'),
  uuid4: uuidForm('4'),
  uuid5: uuidForm('5'),
};

export const fitsFormat = (format: string, text: string): boolean =>
  !Object.hasOwn(formats, format) || (formats[format] as Fits)(text);
