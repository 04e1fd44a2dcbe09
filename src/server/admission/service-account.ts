import { type Pod, pods } from '../../api/kinds/pod.ts';
import { type ServiceAccount as Account, serviceAccounts } from '../../api/kinds/service-account.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Random } from '../../base/env.ts';
import type { Store } from '../../store/store.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { refusal } from './refusal.ts';
import { forbiddenSecret, namesAnySecret } from './secret-references.ts';

const byDefault = 'default';
const mirrorAnnotation = 'kubernetes.io/config.mirror';
const enforceAnnotation = 'kubernetes.io/enforce-mountable-secrets';
const volumePrefix = 'kube-api-access-';
const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const suffixLength = 5;
const fileMode = 0o644;
/** An hour and seven seconds: by this the server knows a pod's own token. */
const tokenSeconds = 3607;

interface AccountFields {
  readonly automountServiceAccountToken?: boolean;
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
}
interface SpecFields {
  readonly automountServiceAccountToken?: boolean;
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
}
type Containers = Pod['spec']['containers'];

/** Gives pods an identity: their service account, a token of it where they look for one, and its pull secrets. */
export class ServiceAccount implements AdmissionPlugin {
  readonly name = 'ServiceAccount';
  readonly kinds = [pods];
  readonly #accounts: ObjectIndex<Account>;
  readonly #random: Random;

  constructor(store: Store, random: Random) {
    this.#accounts = new ObjectIndex(store, serviceAccounts);
    this.#random = random;
  }

  mutate(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> | KubeObject {
    if (!isPod(request) || request.operation !== 'CREATE' || request.route.subresource !== '') return object;
    const wait = this.#accounts.ready();
    return wait ? wait.then(() => this.#equipped(object as Pod, request)) : this.#equipped(object as Pod, request);
  }

  validate(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> | void {
    if (!object || !isPod(request)) return;
    const { operation, route } = request;
    const ephemeral = operation === 'UPDATE' && route.subresource === 'ephemeralcontainers';
    if (!ephemeral && (operation !== 'CREATE' || route.subresource !== '')) return;
    return this.#accounts.whenReady(() => this.#check(object as Pod, request));
  }

  #equipped(pod: Pod, request: AdmissionRequest): Pod {
    // The agent made this one, and would make it anew if it came back changed.
    if (isMirror(pod)) {
      this.#check(pod, request);
      return pod;
    }
    const name = pod.spec.serviceAccountName || byDefault;
    const account = this.#account(name, request) as Account & AccountFields;
    const given = pod.spec as Pod['spec'] & SpecFields;
    let spec: Pod['spec'] & SpecFields = { ...given, serviceAccountName: name };
    const mounts = given.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
    if (mounts) spec = withToken(spec, `${volumePrefix}${this.#random.suffix(suffixLength)}`);
    const pull = (account.imagePullSecrets ?? []).map((secret) => ({ name: secret.name ?? '' }));
    if (!given.imagePullSecrets?.length && pull.length > 0) spec = { ...spec, imagePullSecrets: pull };
    const equipped = { ...pod, spec };
    this.#check(equipped, request);
    return equipped;
  }

  #check(pod: Pod, request: AdmissionRequest): void {
    if (isMirror(pod)) {
      const wrong = mirrorFault(pod);
      if (wrong) throw refusal(request, wrong);
      return;
    }
    const name = pod.spec.serviceAccountName ?? '';
    if (name === '') {
      throw refusal(request, `no service account specified for pod ${request.route.namespace}/${pod.metadata.name}`);
    }
    const account = this.#account(name, request);
    if (account.metadata.annotations?.[enforceAnnotation] !== 'true') return;
    const wrong = forbiddenSecret(pod, account, request.route.subresource === 'ephemeralcontainers');
    if (wrong) throw refusal(request, wrong);
  }

  #account(name: string, request: AdmissionRequest): Account {
    const { namespace } = request.route;
    const account = this.#accounts.get(namespace, name);
    if (account) return account;
    const missing = `serviceaccount ${JSON.stringify(name)} not found`;
    throw refusal(request, `error looking up service account ${namespace}/${name}: ${missing}`);
  }
}

const isPod = ({ kind }: AdmissionRequest) => kind.group === pods.group && kind.plural === pods.plural;
const isMirror = (pod: Pod): boolean => pod.metadata.annotations?.[mirrorAnnotation] !== undefined;

function mirrorFault(pod: Pod): string | undefined {
  if (pod.spec.serviceAccountName) return 'a mirror pod may not reference service accounts';
  if (namesAnySecret(pod)) return 'a mirror pod may not reference secrets';
  const sources = (pod.spec.volumes ?? []).flatMap(({ projected }) => {
    const { sources: list } = (projected ?? {}) as { readonly sources?: readonly { serviceAccountToken?: unknown }[] };
    return list ?? [];
  });
  return sources.some(({ serviceAccountToken }) => serviceAccountToken)
    ? 'a mirror pod may not use ServiceAccountToken volume projections'
    : undefined;
}

/** The token where every program looks for it, unless something else is mounted there. */
function withToken<S extends Pod['spec']>(spec: S, freshName: string): S {
  const own = spec.volumes?.find(({ name }) => name.startsWith(volumePrefix));
  const name = own?.name ?? freshName;
  let needed = false;
  const mounted = (containers: Containers | undefined): Containers | undefined =>
    containers?.map((container) => {
      const mounts = container.volumeMounts ?? [];
      if (mounts.some((mount) => mount.mountPath === mountPath)) return container;
      needed = true;
      return { ...container, volumeMounts: [...mounts, { name, readOnly: true, mountPath }] };
    });
  const initContainers = mounted(spec.initContainers);
  const containers = mounted(spec.containers) ?? [];
  const volumes = [...(spec.volumes ?? []), ...(needed && !own ? [tokenVolume(name)] : [])];
  return {
    ...spec,
    ...(initContainers ? { initContainers } : {}),
    containers,
    ...(volumes.length > 0 ? { volumes } : {}),
  };
}

const tokenVolume = (name: string) => ({
  name,
  projected: {
    sources: [
      { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
    defaultMode: fileMode,
  },
});
