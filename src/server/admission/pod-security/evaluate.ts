import * as baseline from './baseline.ts';
import type { PodParts, Violation } from './parts.ts';
import type { LevelVersion } from './policy.ts';
import * as restricted from './restricted.ts';

type Check = (pod: PodParts, minor: number) => Violation | undefined;

/** A control: how it was in each version since it is there. */
interface Control {
  readonly versions: readonly (readonly [since: number, check: Check])[];
  /** The control of the stricter level that takes its place, once that is there. */
  readonly replacedBy?: Control;
}

const droppedCapabilities: Control = { versions: [[22, restricted.droppedCapabilities]] };
const volumeTypes: Control = { versions: [[0, restricted.volumeTypes]] };
const seccompSet: Control = { versions: [[19, restricted.seccompSet]] };

// In the order in which upstream tells of them.
const baselineControls: readonly Control[] = [
  { versions: [[0, baseline.appArmor]] },
  { versions: [[0, baseline.capabilities]], replacedBy: droppedCapabilities },
  { versions: [[0, baseline.hostNamespaces]] },
  { versions: [[0, baseline.hostPathVolumes]], replacedBy: volumeTypes },
  { versions: [[0, baseline.hostPorts]] },
  { versions: [[34, baseline.hostProbes]] },
  { versions: [[0, baseline.privileged]] },
  {
    versions: [
      [0, baseline.procMount],
      [35, baseline.procMountUnlessOwnUsers],
    ],
  },
  {
    versions: [
      [0, baseline.seLinux],
      [31, baseline.seLinuxWithEngine],
    ],
  },
  {
    versions: [
      [0, baseline.seccompAnnotations],
      [19, baseline.seccomp],
    ],
    replacedBy: seccompSet,
  },
  { versions: [[0, baseline.sysctls]] },
  { versions: [[0, baseline.hostProcess]] },
];
const restrictedControls: readonly Control[] = [
  { versions: [[8, restricted.privilegeEscalation]] },
  droppedCapabilities,
  volumeTypes,
  { versions: [[0, restricted.nonRoot]] },
  { versions: [[23, restricted.nonRootUser]] },
  seccompSet,
];

/** All that keeps a pod from a level. */
export function violations(pod: PodParts, { level, minor }: LevelVersion): readonly Violation[] {
  if (level === 'privileged') return [];
  const strict = level === 'restricted';
  const basic = baselineControls.filter(
    ({ replacedBy }) => !strict || !replacedBy || checkAt(replacedBy, minor) === undefined,
  );
  return [...basic, ...(strict ? restrictedControls : [])].flatMap((control) => {
    const found = checkAt(control, minor)?.(pod, minor);
    return found ? [found] : [];
  });
}

function checkAt({ versions }: Control, minor: number): Check | undefined {
  let check: Check | undefined;
  for (const [since, one] of versions) if (since <= minor) check = one;
  return check;
}

export const detailsText = (found: readonly Violation[]): string =>
  found.map(({ reason, detail }) => `${reason} (${detail})`).join(', ');
export const reasonsText = (found: readonly Violation[]): string => found.map(({ reason }) => reason).join(', ');
