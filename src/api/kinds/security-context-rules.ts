import { dnsSubdomain } from '../names.ts';
import { goView } from '../schema/go-view.ts';
import type { Checked } from './checks.ts';
import { textsOf } from './defaulting.ts';
import { localPath } from './volume-source-rules.ts';

const idMax = 2 ** 31 - 1;
const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const profileBytesMax = 4095;
const credentialBytesMax = 64 * 1024;
const sysctlLengthMax = 253;
const sysctlPattern = '([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const sysctlGrammar = new RegExp(`^${sysctlPattern}$`);

/** What a pod's containers share. */
export function validatePodSecurity(context: Checked, spec: Checked): void {
  for (const field of ['fsGroup', 'runAsUser', 'runAsGroup']) idRules(context.at(field));
  const groups = context.at('supplementalGroups');
  for (const group of groups.items()) idRules(group.toldAt(groups.path));
  if (spec.part.shareProcessNamespace === true && spec.part.hostPID === true) {
    const sentence = 'ShareProcessNamespace and HostPID cannot both be enabled';
    context.at('shareProcessNamespace').invalidAs(true, sentence);
  }
  validateSysctls(context.at('sysctls'), spec);
  context.at('fsGroupChangePolicy').optionalOneOf('Always', 'OnRootMismatch');
  validateSeccomp(context.at('seccompProfile'));
  validateWindowsOptions(context.at('windowsOptions'));
  validateAppArmor(context.at('appArmorProfile'));
  context.at('supplementalGroupsPolicy').optionalOneOf('Merge', 'Strict');
  context.at('seLinuxChangePolicy').optionalOneOf('MountOption', 'Recursive');
}

/** What is one container's own. `ownUsers`: the pod has users that the host does not know. */
export function validateContainerSecurity(context: Checked, ownUsers: boolean): void {
  if (context.isAbsent) return;
  for (const field of ['runAsUser', 'runAsGroup']) idRules(context.at(field));
  const mount = context.at('procMount');
  if (!mount.isAbsent && mount.oneOf('Default', 'Unmasked') && mount.text === 'Unmasked' && !ownUsers) {
    mount.invalid('`hostUsers` must be false to use `Unmasked`');
  }
  validateSeccomp(context.at('seccompProfile'));
  if (context.part.allowPrivilegeEscalation === false) {
    const shown = goView('core.v1.SecurityContext', context.value);
    if (context.part.privileged === true) {
      context.invalidAs(shown, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
    }
    if (textsOf(context.at('capabilities').part.add).includes('CAP_SYS_ADMIN')) {
      const sentence = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN';
      context.invalidAs(shown, sentence);
    }
  }
  validateWindowsOptions(context.at('windowsOptions'));
  validateAppArmor(context.at('appArmorProfile'));
}

export function idRules(id: Checked): void {
  id.between(0, idMax, `must be between 0 and ${idMax}, inclusive`);
}

/** Which kernel parameters belong to a namespace that the host's takes the place of. */
const hostNamespaces: readonly (readonly [field: string, prefixes: RegExp])[] = [
  ['hostNetwork', /^net\./],
  ['hostIPC', /^(kernel\.(shm|msg)|fs\.mqueue\.|kernel\.sem$)/],
];

function validateSysctls(sysctls: Checked, spec: Checked): void {
  const seen = new Set<string>();
  for (const sysctl of sysctls.items()) {
    const name = sysctl.at('name');
    if (!name.needed()) continue;
    if (name.text.length > sysctlLengthMax || !sysctlGrammar.test(name.text)) {
      name.invalid(`must have at most ${sysctlLengthMax} characters and match regex ^${sysctlPattern}$`);
    } else if (seen.has(name.text)) name.duplicate(name.text);
    seen.add(name.text);
    const dotted = name.text.replaceAll('/', '.');
    for (const [field, prefixes] of hostNamespaces) {
      if (spec.part[field] !== true || !prefixes.test(dotted)) continue;
      name.invalid(`may not be specified when '${field}' is true`);
    }
  }
}

function validateSeccomp(profile: Checked): void {
  if (profile.isAbsent) return;
  const type = profile.at('type');
  if (type.needed('type is required when seccompProfile is set')) type.oneOf(...profileTypes);
  const local = profile.at('localhostProfile');
  if (type.text === 'Localhost') {
    if (local.isAbsent) local.missing('must be set when seccomp type is Localhost');
    else localPath(local);
  } else if (!local.isAbsent)
    local.invalidAs(goView('core.v1.SeccompProfile', profile.value), 'can only be set when seccomp type is Localhost');
}

function validateAppArmor(profile: Checked): void {
  if (profile.isAbsent) return;
  const type = profile.at('type');
  const local = profile.at('localhostProfile');
  if (!type.needed('type is required when appArmorProfile is set') || !type.oneOf(...profileTypes)) return;
  if (type.text !== 'Localhost') {
    if (!local.isAbsent) local.invalid('can only be set when AppArmor type is Localhost');
    return;
  }
  const name = local.text.trim();
  if (local.isAbsent || name === '') local.missing('must be set when AppArmor type is Localhost');
  else if (name !== local.text) local.invalid('must not be padded with whitespace');
  local.bytesAtMost(profileBytesMax);
}

function validateWindowsOptions(options: Checked): void {
  options.at('gmsaCredentialSpecName').optionalLike(dnsSubdomain);
  const credential = options.at('gmsaCredentialSpec');
  if (credential.value === '') credential.invalid('gmsaCredentialSpec cannot be an empty string');
  else if (credential.text.length > credentialBytesMax) {
    credential.invalid(`gmsaCredentialSpec size must be under ${credentialBytesMax / 1024} KiB`);
  }
  validateWindowsUser(options.at('runAsUserName'));
}

const domainBytesMax = 256;
const userBytesMax = 104;

function validateWindowsUser(user: Checked): void {
  if (user.isAbsent) return;
  if (user.text === '') {
    user.invalid('runAsUserName cannot be an empty string');
    return;
  }
  if ([...user.text].some((letter) => letter < ' ' || letter === '\u007f')) {
    user.invalid('runAsUserName cannot contain control characters');
  }
  const parts = user.text.split('\\');
  if (parts.length > 2) {
    user.invalid('runAsUserName cannot contain more than one backslash');
    return;
  }
  const name = parts[parts.length - 1] as string;
  const domain = parts.length === 2 ? (parts[0] as string) : undefined;
  if (domain !== undefined && (domain.length >= domainBytesMax || !/^[^\\/:*?"<>|.][^\\/:*?"<>|]*$/.test(domain))) {
    user.invalid("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  }
  if (name === '') user.invalid("runAsUserName's User cannot be empty");
  else if (name.length > userBytesMax)
    user.invalid(`runAsUserName's User length must not be longer than ${userBytesMax}`);
  if (/^[. ]+$/.test(name)) user.invalid("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(name)) {
    user.invalid(`runAsUserName's User cannot contain the following characters: "/\\:;|=,+*?<>@[]`);
  }
}
