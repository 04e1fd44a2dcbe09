import type { Container, Pod } from '../../api/kinds/pod.ts';
import type { ServiceAccount } from '../../api/kinds/service-account.ts';

interface Reference {
  readonly name?: string;
}
interface Sources {
  readonly secrets?: readonly Reference[];
  readonly imagePullSecrets?: readonly Reference[];
}
interface SpecFields {
  readonly ephemeralContainers?: readonly Container[];
  readonly imagePullSecrets?: readonly Reference[];
}

/** Why a pod may not name a secret that its account does not list; undefined: it names none. */
export function forbiddenSecret(pod: Pod, account: ServiceAccount, onlyEphemeral: boolean): string | undefined {
  const { secrets = [], imagePullSecrets = [] } = account as unknown as Sources;
  const { name } = account.metadata;
  const listed = new Set(secrets.map((secret) => secret.name ?? ''));
  const spec = pod.spec as Pod['spec'] & SpecFields;
  const because = `is not allowed because service account ${name} does not reference that`;
  if (onlyEphemeral) return environmentFault('ephemeral container', spec.ephemeralContainers, { listed, because });
  for (const volume of spec.volumes ?? []) {
    const { secretName = '' } = (volume['secret'] ?? {}) as { readonly secretName?: string };
    if (volume['secret'] && !listed.has(secretName)) {
      return `volume with secret.secretName="${secretName}" ${because} secret`;
    }
  }
  const inside =
    environmentFault('init container', spec.initContainers, { listed, because }) ??
    environmentFault('container', spec.containers, { listed, because });
  if (inside) return inside;
  const pull = new Set(imagePullSecrets.map((secret) => secret.name ?? ''));
  const index = (spec.imagePullSecrets ?? []).findIndex((secret) => !pull.has(secret.name ?? ''));
  if (index < 0) return undefined;
  return `imagePullSecrets[${index}].name="${spec.imagePullSecrets?.[index]?.name ?? ''}" ${because} imagePullSecret`;
}

function environmentFault(
  what: string,
  containers: readonly Container[] | undefined,
  { listed, because }: { readonly listed: ReadonlySet<string>; readonly because: string },
): string | undefined {
  for (const container of containers ?? []) {
    for (const { name, valueFrom } of container.env ?? []) {
      const secret = valueFrom?.secretKeyRef;
      if (secret && !listed.has(secret.name ?? '')) {
        const from = `${what} ${container.name} with envVar ${name}`;
        return `${from} referencing secret.secretName="${secret.name ?? ''}" ${because} secret`;
      }
    }
    for (const { secretRef } of container.envFrom ?? []) {
      if (secretRef && !listed.has(secretRef.name ?? '')) {
        return `${what} ${container.name} with envFrom referencing secret.secretName="${secretRef.name ?? ''}" ${because} secret`;
      }
    }
  }
  return undefined;
}

/** The members of volume sources that name a secret. */
const secretMembers = ['secretRef', 'nodePublishSecretRef'];

/** Whether anything of a pod is taken from a secret. */
export function namesAnySecret(pod: Pod): boolean {
  const spec = pod.spec as Pod['spec'] & SpecFields;
  if ((spec.imagePullSecrets ?? []).length > 0) return true;
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  const inContainers = containers.some(
    ({ env, envFrom }) =>
      env?.some(({ valueFrom }) => valueFrom?.secretKeyRef) || envFrom?.some(({ secretRef }) => secretRef),
  );
  return inContainers || (spec.volumes ?? []).some(namesSecret);
}

function namesSecret(volume: Readonly<Record<string, unknown>>): boolean {
  const azure = volume['azureFile'] as { readonly secretName?: string } | undefined;
  if (volume['secret'] || azure?.secretName) return true;
  const { sources = [] } = (volume['projected'] ?? {}) as { readonly sources?: readonly { secret?: unknown }[] };
  if (sources.some(({ secret }) => secret)) return true;
  return Object.values(volume).some(
    (source) =>
      typeof source === 'object' &&
      source !== null &&
      secretMembers.some((member) => (source as Readonly<Record<string, unknown>>)[member]),
  );
}
