import { type FieldError, invalid } from '../../../api/field-error.ts';
import type { Labels } from '../../../api/object.ts';

export type Level = 'privileged' | 'baseline' | 'restricted';

/** A level as it was in some version of Kubernetes. */
export interface LevelVersion {
  readonly level: Level;
  /** The minor version. `latest` is above all others. */
  readonly minor: number;
}
/** What a namespace does about pods: refuse them, warn of them, note them in the audit log. */
export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

export const latest = Number.POSITIVE_INFINITY;
const prefix = 'pod-security.kubernetes.io/';
const levels: readonly Level[] = ['privileged', 'baseline', 'restricted'];
const open: LevelVersion = { level: 'privileged', minor: latest };
export const openPolicy: Policy = { enforce: open, audit: open, warn: open };

export const levelText = ({ level, minor }: LevelVersion): string =>
  `${level}:${minor === latest ? 'latest' : `v1.${minor}`}`;
export const sameLevel = (a: LevelVersion, b: LevelVersion): boolean => a.level === b.level && a.minor === b.minor;
/** Above zero: the first allows less. */
export const compareLevels = (a: Level, b: Level): number => levels.indexOf(a) - levels.indexOf(b);

/** What the labels of a namespace say, over what holds where they say nothing. */
export function policyOf(
  labels: Labels | undefined,
  byDefault: Policy,
): { readonly policy: Policy; readonly errors: readonly FieldError[] } {
  if (!labels) return { policy: byDefault, errors: [] };
  const errors: FieldError[] = [];
  const read = (mode: keyof Policy, wrongLevel: Level): LevelVersion => ({
    level: levelIn(labels[prefix + mode], { label: prefix + mode, errors, wrongLevel }) ?? byDefault[mode].level,
    minor: minorIn(labels[`${prefix + mode}-version`], `${prefix + mode}-version`, errors) ?? byDefault[mode].minor,
  });
  // What cannot be read refuses everything, but neither warns nor notes.
  const enforce = read('enforce', 'restricted');
  const audit = read('audit', 'privileged');
  const warn = read('warn', 'privileged');
  const enforced = levels.includes(labels[`${prefix}enforce`] as Level);
  const silent = labels[`${prefix}warn`] === undefined;
  if (!enforced || !silent || compareLevels(enforce.level, warn.level) <= 0) {
    return { policy: { enforce, audit, warn }, errors };
  }
  // Who makes workloads learns at once that their pods would be refused.
  const minor = labels[`${prefix}warn-version`] === undefined ? enforce.minor : warn.minor;
  return { policy: { enforce, audit, warn: { level: enforce.level, minor } }, errors };
}

function levelIn(
  text: string | undefined,
  { label, errors, wrongLevel }: { readonly label: string; readonly errors: FieldError[]; readonly wrongLevel: Level },
): Level | undefined {
  if (text === undefined) return undefined;
  if (levels.includes(text as Level)) return text as Level;
  errors.push(invalid(`metadata.labels[${label}]`, text, `must be one of ${levels.join(', ')}`));
  return wrongLevel;
}

function minorIn(text: string | undefined, label: string, errors: FieldError[]): number | undefined {
  if (text === undefined) return undefined;
  if (text === 'latest') return latest;
  const match = /^v1\.([0-9]|[1-9][0-9]*)$/.exec(text);
  if (match) return Number(match[1]);
  errors.push(invalid(`metadata.labels[${label}]`, text, 'must be "latest" or "v1.x"'));
  return latest;
}
