import {
  EvictionSettingError,
  type EvictionSettings,
  type EvictionTexts,
  evictionSettings,
} from '../agent/eviction-settings.ts';
import { parseSysctlNames, type SysctlNames } from '../agent/safe-sysctls.ts';
import { UsageError } from '../cli/flags.ts';

/** What a node does when it runs short, and what it lets pods do. */
export interface NodeSettings {
  readonly eviction: EvictionSettings;
  /** What pods may set besides what harms nobody. */
  readonly unsafeSysctls: SysctlNames;
}
/** As they come from the command line. */
export interface NodeValues {
  readonly 'eviction-hard': string;
  readonly 'eviction-soft': string;
  readonly 'eviction-soft-grace-period': string;
  readonly 'eviction-max-pod-grace-period': number;
  readonly 'eviction-minimum-reclaim': string;
  readonly 'eviction-pressure-transition-period': string;
  readonly 'allowed-unsafe-sysctls': string;
}

const flags: Readonly<Record<keyof EvictionTexts, keyof NodeValues>> = {
  hard: 'eviction-hard',
  soft: 'eviction-soft',
  softGracePeriod: 'eviction-soft-grace-period',
  maxPodGracePeriodSeconds: 'eviction-max-pod-grace-period',
  minimumReclaim: 'eviction-minimum-reclaim',
  pressureTransitionPeriod: 'eviction-pressure-transition-period',
};
const names: readonly (keyof NodeValues)[] = [...Object.values(flags), 'allowed-unsafe-sysctls'];

/** Throws a UsageError that names the flag. */
export function nodeSettings(values: NodeValues): NodeSettings {
  return { eviction: evictionOf(values), unsafeSysctls: sysctlsOf(values) };
}

/** The same for an agent that is a process of its own. */
export const nodeWords = (values: NodeValues): readonly string[] =>
  names.flatMap((name) => [`--${name}`, String(values[name])]);

function evictionOf(values: NodeValues): EvictionSettings {
  try {
    return evictionSettings({
      hard: values['eviction-hard'],
      soft: values['eviction-soft'],
      softGracePeriod: values['eviction-soft-grace-period'],
      maxPodGracePeriodSeconds: values['eviction-max-pod-grace-period'],
      minimumReclaim: values['eviction-minimum-reclaim'],
      pressureTransitionPeriod: values['eviction-pressure-transition-period'],
    });
  } catch (error) {
    if (!(error instanceof EvictionSettingError)) throw error;
    throw new UsageError(`--${flags[error.setting]}: ${error.message}`);
  }
}

function sysctlsOf(values: NodeValues): SysctlNames {
  try {
    return parseSysctlNames(values['allowed-unsafe-sysctls']);
  } catch (error) {
    throw new UsageError(`--allowed-unsafe-sysctls: ${(error as Error).message}`);
  }
}
