import type { Checked } from './checks.ts';

/** Labels of nodes whose names have changed: what to say about the old ones. */
const oldLabels: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
};

/** `named`: the path does not say the label itself. */
export function labelWarning(path: string, label: string, named: boolean): readonly string[] {
  const words = oldLabels[label];
  if (words === undefined) return [];
  return [named ? `${path}: ${label} is ${words}` : `${path}: ${words}`];
}

export const nodeTermWarnings = (term: Checked): readonly string[] =>
  term
    .at('matchExpressions')
    .items()
    .flatMap((expression) => labelWarning(`${expression.path}.key`, expression.at('key').text, true));

/** Sources of volumes that nothing serves any more. */
const oldSources: Readonly<Record<string, string>> = {
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
};

export const volumeWarnings = (volume: Checked): readonly string[] =>
  Object.keys(oldSources)
    .filter((source) => !volume.at(source).isAbsent)
    // Upstream misspells one of its own fields.
    .map((source) => `${volume.at(source === 'storageos' ? 'storageOS' : source).path}: ${oldSources[source]}`);
