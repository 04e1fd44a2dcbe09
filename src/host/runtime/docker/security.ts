import type { ContainerSpec } from '../../../agent/runtime.ts';
import type { JsonObject } from '../../../base/json.ts';
import type { Identity } from './accounts.ts';

/** The pod's and the container's security context, already one. */
interface Context {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly supplementalGroups?: readonly number[];
  readonly supplementalGroupsPolicy?: string;
  readonly fsGroup?: number;
  readonly privileged?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly procMount?: string;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: Profile;
  readonly appArmorProfile?: Profile;
  readonly seLinuxOptions?: Readonly<Partial<Record<'user' | 'role' | 'type' | 'level', string>>>;
}
interface Profile {
  readonly type: string;
  readonly localhostProfile?: string;
}

/** Nobody may run as root here, and this container would. */
export class RootError extends Error {
  readonly reason = 'CreateContainerConfigError';
}

/** A profile of this machine, by its name: an engine is told the whole of it, and not where it is. */
export type ProfileReader = (name: string) => string;

/** What the container is to be held by is not there. */
export class ProfileError extends Error {
  readonly reason = 'CreateContainerError';
  constructor(name: string, why: string) {
    super(`cannot load seccomp profile ${JSON.stringify(name)}: ${why}`);
  }
}

/** The part of the engine's HostConfig that says what the container may do. */
export function securityOf(
  { security }: ContainerSpec,
  profile: ProfileReader = noProfiles,
  { identity, withheld = [] }: { readonly identity?: Identity | undefined; readonly withheld?: readonly string[] } = {},
): JsonObject {
  const context = security as Context;
  const named = [...(context.supplementalGroups ?? []), ...(context.fsGroup === undefined ? [] : [context.fsGroup])];
  const groups = [...new Set([...named, ...imageGroups(context, identity)])];
  const { add, drop } = context.capabilities ?? {};
  return {
    ...(context.readOnlyRootFilesystem ? { ReadonlyRootfs: true } : {}),
    ...(add ? { CapAdd: add } : {}),
    ...(drop ? { CapDrop: drop } : {}),
    ...(context.privileged ? privileges(withheld) : {}),
    ...(groups.length > 0 ? { GroupAdd: groups.map(String) } : {}),
    ...(context.procMount === 'Unmasked' ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
    SecurityOpt: [...options(context, profile), ...(context.privileged && withheld.length > 0 ? boundless : [])],
  };
}

export const isPrivileged = ({ security }: ContainerSpec): boolean => (security as Context).privileged === true;

/** Everything; or in single words all that it means, where the engine cannot give everything. */
const privileges = (withheld: readonly string[]): JsonObject =>
  withheld.length === 0
    ? { Privileged: true }
    : {
        CapAdd: ['ALL'],
        CapDrop: withheld,
        Devices: [{ PathOnHost: '/dev', PathInContainer: '/dev', CgroupPermissions: 'rwm' }],
        DeviceCgroupRules: ['a *:* rwm'],
        MaskedPaths: [],
        ReadonlyPaths: [],
      };
const boundless = ['apparmor=unconfined', 'label=disable'];

/** Whom the engine is given by number gets none of the image's groups from it. */
const imageGroups = ({ supplementalGroupsPolicy }: Context, identity: Identity | undefined): readonly number[] =>
  supplementalGroupsPolicy === 'Strict' ? [] : (identity?.groups ?? []);

function noProfiles(name: string): never {
  throw new ProfileError(name, 'this node keeps no profiles');
}

function options(context: Context, profile: ProfileReader): readonly string[] {
  const found: string[] = [];
  if (context.allowPrivilegeEscalation === false) found.push('no-new-privileges');
  // Upstream's default is unconfined; RuntimeDefault is what an engine does when it is told nothing.
  const seccomp = context.seccompProfile;
  if (seccomp === undefined || seccomp.type === 'Unconfined') found.push('seccomp=unconfined');
  else if (seccomp.type === 'Localhost') found.push(`seccomp=${profile(seccomp.localhostProfile ?? '')}`);
  const armor = context.appArmorProfile;
  if (armor?.type === 'Unconfined') found.push('apparmor=unconfined');
  else if (armor?.type === 'Localhost') found.push(`apparmor=${armor.localhostProfile}`);
  for (const key of ['user', 'role', 'type', 'level'] as const) {
    const value = context.seLinuxOptions?.[key];
    if (value) found.push(`label=${key}:${value}`);
  }
  return found;
}

/** `user[:group]` as the engine takes it; nothing where the image decides. */
export function userOf({ name, security }: ContainerSpec, imageUser: string, identity?: Identity): string | undefined {
  const { runAsUser, runAsNonRoot } = security as Context;
  if (runAsNonRoot) refuseRoot(name, runAsUser, imageUser);
  if (identity) return `${identity.uid}:${identity.gid}`;
  return runAsUser === undefined ? undefined : String(runAsUser);
}

/** Who is asked for, as the accounts of the image are to be read; nothing where the engine does that well by itself. */
export function wantedIdentity({ security }: ContainerSpec, imageUser: string): string | undefined {
  const { runAsUser, runAsGroup, supplementalGroupsPolicy } = security as Context;
  if (runAsGroup === undefined && supplementalGroupsPolicy !== 'Strict') return undefined;
  const [imageName = '', imageGroup = ''] = imageUser.split(':');
  const user = runAsUser === undefined ? imageName : String(runAsUser);
  const group = runAsGroup ?? (runAsUser === undefined ? imageGroup : '');
  return `${user}:${group}`;
}

/** Whether the image has to be asked who runs it. */
export const needsImageUser = ({ security }: ContainerSpec): boolean => {
  const { runAsUser, runAsGroup, runAsNonRoot, supplementalGroupsPolicy } = security as Context;
  const isAsked = runAsNonRoot === true || runAsGroup !== undefined || supplementalGroupsPolicy === 'Strict';
  return runAsUser === undefined && isAsked;
};

function refuseRoot(container: string, user: number | undefined, imageUser: string): void {
  if (user === 0) throw new RootError(`container's runAsUser breaks non-root policy (container: ${container})`);
  if (user !== undefined) return;
  const named = imageUser.split(':')[0] ?? '';
  if (named === '' || named === '0') {
    throw new RootError(`container has runAsNonRoot and image will run as root (container: ${container})`);
  }
  if (!/^\d+$/.test(named)) {
    const why = `image has non-numeric user (${named}), cannot verify user is non-root`;
    throw new RootError(`container has runAsNonRoot and ${why} (container: ${container})`);
  }
}
