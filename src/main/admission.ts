import { readFileSync } from 'node:fs';
import { decodeYaml } from '../api/yaml/decode.ts';
import { UsageError } from '../cli/flags.ts';
import { type AdmissionOptions, areOptional, pluginNames } from '../server/admission/built-in.ts';
import { admissionConfiguration } from '../server/admission/configuration.ts';
import type { ServerSettings } from './settings.ts';

/** Which plugins are on, and how, as flags and files say. */
export async function admissionOf(settings: ServerSettings): Promise<AdmissionOptions> {
  const enable = namesIn('enable-admission-plugins', settings);
  const file = settings['admission-control-config-file'];
  return {
    enable,
    disable: namesIn('disable-admission-plugins', settings),
    ...(file ? configurationIn(file) : {}),
    ...(areOptional(enable) ? { optional: await loadedOptional() } : {}),
  };
}

const loadedOptional = async () => (await import('../server/admission/optional-plugins.ts')).optionalPlugins;

function namesIn(
  flag: 'enable-admission-plugins' | 'disable-admission-plugins',
  settings: ServerSettings,
): readonly string[] {
  const names = (settings[flag] ?? '').split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !pluginNames.includes(name));
  if (unknown === undefined) return names;
  throw new UsageError(`--${flag}: ${unknown} is none of ${pluginNames.join(', ')}`);
}

function configurationIn(path: string): Pick<AdmissionOptions, 'podSecurity' | 'eventLimits'> {
  try {
    return admissionConfiguration(decodeYaml(readFileSync(path, 'utf8')).value);
  } catch (error) {
    throw new UsageError(
      `--admission-control-config-file ${path}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
