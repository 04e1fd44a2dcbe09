import { isAbsolute, join } from 'node:path';
import type { ContainerSpec } from '../../../agent/runtime.ts';
import { environmentOf, type Place } from './environment.ts';
import { programOf } from './images.ts';
import { markName, type PlanRecord, type PodFolder } from './record.ts';

/** What running this container means on this machine, decided once, so that a restart runs the very same. */
export function planOf(
  spec: ContainerSpec,
  place: Place,
  where: { readonly folder: PodFolder; readonly from: string },
): PlanRecord {
  const program = programOf(spec.image, where.from);
  // As everywhere: `command` takes the place of the image's own, `args` is what it is given.
  const command = [...(spec.command.length > 0 ? spec.command : program.entry), ...spec.args];
  if (command.length === 0) throw new Error(`container ${spec.name}: image ${spec.image} needs a command`);
  const start = program.folder ?? join(where.folder.container(spec.id), 'work');
  const asked = spec.workingDir;
  const folder = asked === undefined ? start : isAbsolute(asked) ? asked : join(start, asked);
  return {
    spec,
    imageId: program.id,
    command,
    folder,
    env: { ...environmentOf(spec, place), [markName]: where.folder.path },
    ...identityOf(spec),
  };
}

/** `runAsUser` is honoured where it can be, and refused where it cannot: never run as somebody else in silence. */
function identityOf(spec: ContainerSpec): { readonly user?: number; readonly group?: number } {
  const user = spec.security['runAsUser'];
  const group = spec.security['runAsGroup'];
  const own = process.getuid?.();
  if (own !== 0) {
    if (typeof user === 'number' && user !== own) {
      throw new Error(`container ${spec.name}: running as user ${user} needs root, this agent is user ${own}`);
    }
    return {};
  }
  return { ...(typeof user === 'number' ? { user } : {}), ...(typeof group === 'number' ? { group } : {}) };
}
