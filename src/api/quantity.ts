// Amounts of resources, as Kubernetes writes them: 100m, 1.5, 2Gi, 3e6. Exact: a BigInt of nanos.

export type QuantityFormat = 'decimal' | 'binary' | 'exponent';

export interface Quantity {
  /** Billionths. */
  readonly nanos: bigint;
  readonly format: QuantityFormat;
}

/** Answers the sentence of what is wrong with the text instead of a quantity. */
export type ParsedQuantity = { readonly quantity: Quantity } | { readonly error: string };

export const quantityFormatError =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
export const quantitySuffixError = "unable to parse quantity's suffix";

/** Longer texts are refused: nobody writes an amount with more digits, and a BigInt of them is quadratic to make. */
const quantityLengthMax = 1024;
const one = 1_000_000_000n;
const amountMax = ((1n << 63n) - 1n) * one;
/** So many digits are kept as they are written; longer ones are bounded by the largest amount. */
const exactDigitsMax = 18;
/** Powers of ten beyond which every amount is the largest, or the smallest. */
const exponentMax = 2048;

const decimalSuffixes: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const decimalNames = new Map(Object.entries(decimalSuffixes).map(([name, exponent]) => [exponent, name]));
const binarySuffixes: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };
const binaryNames = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
// Digits may be missing altogether: `k` and `.5` and `1.` are amounts too.
const grammar = /^([+-]?)([0-9]*)(\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;

export function tryParseQuantity(text: string): ParsedQuantity {
  const simple = text.length < 16 && /^[0-9]+$/.test(text);
  if (simple) return { quantity: { nanos: BigInt(text) * one, format: 'decimal' } };
  const match = text.length > 0 && text.length <= quantityLengthMax ? grammar.exec(text) : null;
  if (!match) return { error: quantityFormatError };
  const [, sign, whole = '', , fraction = '', suffix = ''] = match;
  const scale = scaleOf(suffix);
  if (!scale) return { error: quantitySuffixError };
  const digits = BigInt(`0${whole}${fraction}`);
  const nanos = digits === 0n ? 0n : amount(digits, whole.replace(/^0+/, '').length, fraction.length, scale);
  const tiny = scale.format === 'binary' && nanos > 0n && nanos < one;
  return { quantity: { nanos: sign === '-' ? -nanos : nanos, format: tiny ? 'decimal' : scale.format } };
}

/** Throws an Error with Kubernetes' sentence where the text is not a quantity. */
export function parseQuantity(text: string): Quantity {
  const parsed = tryParseQuantity(text);
  if ('error' in parsed) throw new Error(parsed.error);
  return parsed.quantity;
}

/** The one text that all equal amounts of a format have. */
export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0';
  if (format === 'binary' && (nanos >= 1024n * one || nanos <= -1024n * one) && nanos % one === 0n) {
    return formatBinary(nanos / one);
  }
  return formatDecimal(nanos, format === 'exponent');
}

export const canonicalQuantity = (text: string): string => formatQuantity(parseQuantity(text));

/** Rounded up, as schedulers and quotas count. */
export const quantityMillis = (text: string): number => Number(roundUp(parseQuantity(text).nanos, 1_000_000n));
export const quantityBytes = (text: string): number => Number(roundUp(parseQuantity(text).nanos, one));

export function compareQuantity(a: Quantity, b: Quantity): number {
  return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
}

/** The sum, in the format of the first unless that is zero. */
export function addQuantity(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos, format: a.nanos === 0n ? b.format : a.format };
}

/** To whole thousandths, away from zero: the finest that resource lists hold. */
export function roundUpToMillis(quantity: Quantity): Quantity {
  const milli = 1_000_000n;
  if (quantity.nanos % milli === 0n) return quantity;
  return { ...quantity, nanos: roundUp(quantity.nanos, milli) * milli };
}

interface Scale {
  readonly format: QuantityFormat;
  readonly exponent: number;
  readonly shift: bigint;
}

function scaleOf(suffix: string): Scale | undefined {
  if (Object.hasOwn(decimalSuffixes, suffix)) {
    return { format: 'decimal', exponent: decimalSuffixes[suffix] as number, shift: 0n };
  }
  if (Object.hasOwn(binarySuffixes, suffix))
    return { format: 'binary', exponent: 0, shift: binarySuffixes[suffix] as bigint };
  if (!/^[eE][-+]?[0-9]+$/.test(suffix)) return undefined;
  const exponent = Number(suffix.slice(1));
  return { format: 'exponent', exponent: Math.max(-exponentMax, Math.min(exponentMax, exponent)), shift: 0n };
}

function amount(digits: bigint, wholeLength: number, fractionLength: number, scale: Scale): bigint {
  const power = scale.exponent - fractionLength + 9;
  const shifted = digits << scale.shift;
  const nanos = power >= 0 ? shifted * 10n ** BigInt(power) : roundUp(shifted, 10n ** BigInt(-power));
  const exact =
    scale.format !== 'binary'
      ? wholeLength + fractionLength <= exactDigitsMax && power >= 0
      : fractionLength === 0 && wholeLength + Number(scale.shift) * 0.3 <= 15;
  return exact || nanos <= amountMax ? nanos : amountMax;
}

function roundUp(value: bigint, unit: bigint): bigint {
  const quotient = value / unit;
  if (quotient * unit === value) return quotient;
  return value > 0n ? quotient + 1n : quotient - 1n;
}

function formatBinary(value: bigint): string {
  let rest = value;
  let step = 0;
  while (step < binaryNames.length - 1 && rest % 1024n === 0n) {
    rest /= 1024n;
    step += 1;
  }
  return `${rest}${binaryNames[step]}`;
}

function formatDecimal(nanos: bigint, exponential: boolean): string {
  let rest = nanos;
  let exponent = -9;
  // The suffixes end at exa; powers of ten do not.
  while (rest % 1000n === 0n && (exponential || exponent < 18)) {
    rest /= 1000n;
    exponent += 3;
  }
  if (exponential) return exponent === 0 ? `${rest}` : `${rest}e${exponent}`;
  return `${rest}${decimalNames.get(exponent)}`;
}
