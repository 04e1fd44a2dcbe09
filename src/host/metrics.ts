import type { Labels, Metrics } from '../base/env.ts';
import { compareText } from '../base/text.ts';

export interface Registry extends Metrics {
  /** The text format of Prometheus, version 0.0.4. */
  render(): string;
}

export interface RegistryOptions {
  readonly help?: Readonly<Record<string, string>>;
  /** Upper bounds per histogram, rising. */
  readonly buckets?: Readonly<Record<string, readonly number[]>>;
}

const defaultBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
// A label whose values never repeat would otherwise eat the memory; what goes beyond is counted in one place.
const seriesMax = 10_000;
const dropped = 'mini_k8s_metrics_dropped_total';

type Type = 'counter' | 'gauge' | 'histogram';
interface Series {
  value: number;
  total: number;
  /** Of a histogram: its bounds, and how many fell under each. */
  readonly bounds: readonly number[];
  readonly counts: number[] | undefined;
}
interface Family {
  readonly name: string;
  readonly type: Type;
  readonly buckets: readonly number[];
  readonly series: Map<string, Series>;
  /** By labels that are used again and again, and frozen to say so: counting makes no text of them. */
  readonly known: WeakMap<Labels, Series>;
}

/** So much is added up at a time. */
const notedMax = 512;

export function metricsRegistry(options: RegistryOptions = {}): Registry {
  const families = new Map<string, Family>();
  const familyOf = (name: string, type: Type): Family => {
    let family = families.get(name);
    if (!family) {
      const buckets = options.buckets?.[name] ?? defaultBuckets;
      family = { name, type, buckets, series: new Map(), known: new WeakMap() };
      families.set(name, family);
    }
    if (family.type !== type) throw new Error(`metric ${name} is a ${family.type}, not a ${type}`);
    return family;
  };
  const seriesOf = (family: Family, labels: Labels | undefined): Series | undefined => {
    const series = (labels && family.known.get(labels)) ?? madeSeries(family, labels);
    if (series) return series;
    const lost = madeSeries(familyOf(dropped, 'counter'), { metric: family.name });
    if (lost) lost.value++;
    return undefined;
  };
  const notes = new Notes((family, value, labels) => {
    const series = seriesOf(family, labels);
    if (series) add(series, family.type, value);
  });
  return {
    count: (name, labels, by = 1) => notes.take(familyOf(name, 'counter'), by, labels),
    gauge: (name, value, labels) => notes.take(familyOf(name, 'gauge'), value, labels),
    observe: (name, value, labels, times = 1) => {
      const family = familyOf(name, 'histogram');
      if (times === 1) return notes.take(family, value, labels);
      const series = seriesOf(family, labels);
      if (series) observe(series, value, times);
    },
    render: () => {
      notes.settle();
      return renderAll(families, options.help ?? {});
    },
  };
}

type Add = (family: Family, value: number, labels: Labels | undefined) => void;

/**
 * What is counted is noted down, and added up many at a time or when somebody asks. A request counts a dozen things,
 * and between two of them the tables of all series have gone far from the processor.
 */
class Notes {
  readonly #add: Add;
  readonly #families = new Array<Family>(notedMax);
  readonly #values = new Float64Array(notedMax);
  readonly #labels = new Array<Labels | undefined>(notedMax);
  #count = 0;

  constructor(add: Add) {
    this.#add = add;
  }

  take(family: Family, value: number, labels: Labels | undefined): void {
    const at = this.#count++;
    this.#families[at] = family;
    this.#values[at] = value;
    this.#labels[at] = labels;
    if (this.#count === notedMax) this.settle();
  }

  settle(): void {
    const count = this.#count;
    this.#count = 0;
    for (let at = 0; at < count; at++)
      this.#add(this.#families[at] as Family, this.#values[at] as number, this.#labels[at]);
  }
}

/** Nothing where there are too many already. */
function madeSeries({ type, buckets, series: all, known }: Family, labels: Labels | undefined): Series | undefined {
  const key = labelText(labels);
  let series = all.get(key);
  if (!series) {
    if (all.size >= seriesMax) return undefined;
    const counts = type === 'histogram' ? buckets.map(() => 0) : undefined;
    series = { value: 0, total: 0, bounds: buckets, counts };
    all.set(key, series);
  }
  if (labels && Object.isFrozen(labels)) known.set(labels, series);
  return series;
}

function add(series: Series, type: Type, value: number): void {
  if (type === 'gauge') series.value = value;
  else if (type === 'counter') series.value += value;
  else observe(series, value, 1);
}

function observe(series: Series, value: number, times: number): void {
  const { bounds, counts } = series;
  series.total += times;
  series.value += value * times;
  if (!counts) return;
  for (let index = 0; index < bounds.length; index++) {
    if (value > (bounds[index] as number)) continue;
    counts[index] = (counts[index] as number) + times;
    return;
  }
}

function renderAll(families: ReadonlyMap<string, Family>, help: Readonly<Record<string, string>>): string {
  let text = '';
  for (const name of [...families.keys()].sort(compareText)) {
    const family = families.get(name) as Family;
    if (help[name] !== undefined) text += `# HELP ${name} ${help[name].replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n`;
    text += `# TYPE ${name} ${family.type}\n`;
    for (const [labels, series] of family.series) text += renderSeries(name, family, labels, series);
  }
  return text;
}

function renderSeries(name: string, family: Family, labels: string, series: Series): string {
  const braced = labels === '' ? '' : `{${labels}}`;
  if (!series.counts) return `${name}${braced} ${number(series.value)}\n`;
  const prefix = labels === '' ? '' : `${labels},`;
  let text = '';
  let sum = 0;
  for (const [index, bound] of family.buckets.entries()) {
    sum += series.counts[index] ?? 0;
    text += `${name}_bucket{${prefix}le="${number(bound)}"} ${sum}\n`;
  }
  text += `${name}_bucket{${prefix}le="+Inf"} ${series.total}\n`;
  return `${text}${name}_sum${braced} ${number(series.value)}\n${name}_count${braced} ${series.total}\n`;
}

/** The key of a series is its text: labels in one order, values escaped. */
function labelText(labels: Labels | undefined): string {
  if (labels === undefined) return '';
  const names = Object.keys(labels);
  if (names.length > 1) names.sort(compareText);
  let text = '';
  for (const name of names) {
    const value = labels[name] as string;
    text += `${text === '' ? '' : ','}${name}="${/["\\\n]/.test(value) ? escaped(value) : value}"`;
  }
  return text;
}

const escaped = (value: string) => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
