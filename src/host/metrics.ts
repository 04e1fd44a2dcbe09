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
  readonly counts?: number[];
  total: number;
}
interface Family {
  readonly type: Type;
  readonly buckets: readonly number[];
  readonly series: Map<string, Series>;
}

export function metricsRegistry(options: RegistryOptions = {}): Registry {
  const families = new Map<string, Family>();
  const seriesOf = (name: string, type: Type, labels: Labels | undefined): Series | undefined => {
    let family = families.get(name);
    if (!family) {
      family = { type, buckets: options.buckets?.[name] ?? defaultBuckets, series: new Map() };
      families.set(name, family);
    }
    if (family.type !== type) throw new Error(`metric ${name} is a ${family.type}, not a ${type}`);
    const key = labelText(labels);
    let series = family.series.get(key);
    if (!series) {
      if (family.series.size >= seriesMax) return undefined;
      const counts = type === 'histogram' ? { counts: family.buckets.map(() => 0) } : {};
      series = { value: 0, total: 0, ...counts };
      family.series.set(key, series);
    }
    return series;
  };
  const change = (name: string, type: Type, labels: Labels | undefined, apply: (series: Series) => void) => {
    const series = seriesOf(name, type, labels);
    if (series) return apply(series);
    const lost = seriesOf(dropped, 'counter', { metric: name });
    if (lost) lost.value++;
  };
  return {
    count: (name, labels, by = 1) => change(name, 'counter', labels, (series) => (series.value += by)),
    gauge: (name, value, labels) => change(name, 'gauge', labels, (series) => (series.value = value)),
    observe: (name, value, labels) =>
      change(name, 'histogram', labels, (series) => observe(families, name, series, value)),
    render: () => renderAll(families, options.help ?? {}),
  };
}

function observe(families: ReadonlyMap<string, Family>, name: string, series: Series, value: number): void {
  series.total++;
  series.value += value;
  const buckets = families.get(name)?.buckets ?? [];
  const index = buckets.findIndex((bound) => value <= bound);
  if (index >= 0 && series.counts) series.counts[index] = (series.counts[index] ?? 0) + 1;
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
  if (!Object.isFrozen(labels)) return madeText(labels);
  let text = texts.get(labels);
  if (text === undefined) {
    text = madeText(labels);
    texts.set(labels, text);
  }
  return text;
}

/** Of labels that are used again and again, and frozen to say so. */
const texts = new WeakMap<Labels, string>();

function madeText(labels: Labels): string {
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
