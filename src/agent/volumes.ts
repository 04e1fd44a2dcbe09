import { isApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import { configMaps } from '../api/kinds/config-map.ts';
import type { Container, Pod } from '../api/kinds/pod.ts';
import { secrets } from '../api/kinds/secret.ts';
import type { KubeObject, Labels } from '../api/object.ts';
import { quantityBytes } from '../api/quantity.ts';
import { decodeBase64 } from '../base/base64.ts';
import { encodeText } from '../base/json.ts';
import type { Client } from '../client/client.ts';
import { type TokenSource, tokenKey } from './account-tokens.ts';
import { type ClaimedVolume, readClaims } from './claim-volumes.ts';
import { expand, fieldValue, resourceValue } from './environment.ts';
import type { Mount, PullPolicy } from './runtime.ts';

/** Folders of pods on the machine. All calls are idempotent; `release` takes all of a pod's folders away. */
export interface VolumeHost {
  /** The folder's path. Where files are given it holds exactly these, and who reads meanwhile sees the old or the new. */
  folder(pod: string, volume: string, wish?: FolderWish): Promise<string>;
  /** A path of the machine itself, checked or made as its type says. */
  hostPath(path: string, type: string): Promise<string>;
  /** A path inside a volume, made where it is missing, that leads nowhere outside by any link. */
  inside(folder: string, place: SubPath): Promise<string>;
  /** One file of the node's own for a pod, with this text; what is in it already stays where the text is empty. */
  file(pod: string, name: string, content: { readonly text: string; readonly mode: number }): Promise<string>;
  /** The beginning of such a file; empty where there is none. */
  textOf(pod: string, name: string, bytesMax: number): Promise<string>;
  /** A file inside a volume, which leads nowhere outside by any link. Nothing where it is missing. */
  textInside(folder: string, path: string): Promise<string | undefined>;
  /** How much a volume of a pod holds, or all that is kept of the pod. */
  bytesIn(pod: string, volume?: string): Promise<number>;
  release(pod: string): Promise<void>;
  /** A folder that outlives pods: what a claim has got. Without it the node has none. */
  kept?(name: string, group?: VolumeGroup): Promise<string>;
  keptNames?(): Promise<readonly string[]>;
  dropKept?(name: string): Promise<void>;
}
export interface FolderWish {
  readonly files?: readonly VolumeFile[];
  /** Kept in memory where the machine can do that. */
  readonly memory?: boolean;
  readonly bytesMax?: number;
  /** Everything inside belongs to this group. */
  readonly group?: number;
}
/** Whose everything inside a volume is to be, on its way to a pod. */
export interface VolumeGroup {
  readonly id: number;
  /** A volume whose own folder is right already is taken to be right all the way down. */
  readonly onlyIfRootDiffers: boolean;
}
export interface SubPath {
  readonly pod: string;
  /** Unique in the pod: one mount of one container. */
  readonly mount: string;
  readonly path: string;
}
export interface VolumeFile {
  /** Below the volume, with slashes. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
}
export type VolumePlan =
  | { readonly kind: 'empty'; readonly memory: boolean; readonly bytesMax?: number }
  | { readonly kind: 'host'; readonly path: string; readonly type: string }
  | { readonly kind: 'kept'; readonly name: string }
  | { readonly kind: 'image'; readonly reference: string; readonly policy: PullPolicy }
  | { readonly kind: 'files'; readonly files: readonly VolumeFile[] };

export interface VolumeSources {
  /** By name: the decoded data of what the pod names; nothing where it does not exist. */
  readonly configMaps: ReadonlyMap<string, Data | undefined>;
  readonly secrets: ReadonlyMap<string, Data | undefined>;
  /** Tokens of the pod's account, by what they are asked for. */
  readonly tokens: ReadonlyMap<string, Uint8Array>;
  /** What stands behind the pod's claims. */
  readonly claims?: ReadonlyMap<string, ClaimedVolume>;
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  readonly allocatable: Labels;
}
export type Data = Readonly<Record<string, Uint8Array>>;

/** The pod waits, as upstream's does, as long as a volume cannot be had. */
export class MountError extends Error {
  readonly reason = 'ContainerCreating';
}

/** A path inside a volume that nobody may have: the container waits, the volume is there. */
export class SubPathError extends Error {
  readonly reason = 'CreateContainerConfigError';
}

interface Item {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}
interface Named {
  readonly name?: string;
  readonly secretName?: string;
  readonly items?: readonly Item[];
  readonly optional?: boolean;
  readonly defaultMode?: number;
}
interface Downward {
  readonly defaultMode?: number;
  readonly items?: readonly {
    readonly path: string;
    readonly mode?: number;
    readonly fieldRef?: { readonly fieldPath: string };
    readonly resourceFieldRef?: {
      readonly containerName?: string;
      readonly resource: string;
      readonly divisor?: string;
    };
  }[];
}
interface Projection {
  readonly configMap?: Named;
  readonly secret?: Named;
  readonly downwardAPI?: Downward;
  readonly serviceAccountToken?: TokenSource;
}
interface Volume extends Projection {
  readonly name: string;
  readonly emptyDir?: { readonly medium?: string; readonly sizeLimit?: string };
  readonly hostPath?: { readonly path: string; readonly type?: string };
  readonly image?: { readonly reference?: string; readonly pullPolicy?: PullPolicy };
  readonly projected?: { readonly sources?: readonly Projection[]; readonly defaultMode?: number };
}

const defaultMode = 0o644;

/** What one volume of a pod consists of. Pure. */
export function volumePlan(pod: Pod, name: string, sources: VolumeSources): VolumePlan {
  const volume = volumesOf(pod).find((one) => one.name === name);
  if (!volume) throw new MountError(`the pod has no volume ${name}`);
  if (volume.emptyDir) return emptyPlan(volume.emptyDir);
  const claimed = sources.claims?.get(name);
  if (claimed?.kind === 'missing') throw new MountError(claimed.why);
  if (claimed) return claimed;
  if (volume.image) {
    const { reference = '', pullPolicy = 'IfNotPresent' } = volume.image;
    return { kind: 'image', reference, policy: pullPolicy };
  }
  if (volume.hostPath) return { kind: 'host', path: volume.hostPath.path, type: volume.hostPath.type ?? '' };
  if (volume.projected) {
    const mode = volume.projected.defaultMode ?? defaultMode;
    const files = (volume.projected.sources ?? []).flatMap((part) => filesOf(pod, part, { sources, mode }));
    return { kind: 'files', files };
  }
  if (!volume.configMap && !volume.secret && !volume.downwardAPI) {
    throw new MountError(`volume ${name} is of a kind that this node does not offer`);
  }
  const mode = (volume.configMap ?? volume.secret ?? volume.downwardAPI)?.defaultMode ?? defaultMode;
  return { kind: 'files', files: filesOf(pod, volume, { sources, mode }) };
}

export interface MountSetting {
  readonly host: VolumeHost;
  readonly sources: VolumeSources;
  /** The container's variables, for subPathExpr. */
  readonly variables?: ReadonlyMap<string, string>;
  /** Puts what an image holds into a folder. Without it there are no volumes of images. */
  readonly unpack?: (plan: VolumePlan & { readonly kind: 'image' }, folder: string) => Promise<void>;
}
type VolumeMount = NonNullable<Container['volumeMounts']>[number];

/** Makes the folders that a container mounts. */
export async function containerMounts(
  pod: Pod,
  container: Container,
  setting: MountSetting,
): Promise<readonly Mount[]> {
  const mounts = (container.volumeMounts ?? []) as readonly (VolumeMount & MountExtras)[];
  return Promise.all(
    mounts.map(async (mount, index): Promise<Mount> => {
      const plan = volumePlan(pod, mount.name, setting.sources);
      const folder = await folderOf(pod, mount.name, plan, setting);
      const { mountPropagation: propagation, subPathExpr, recursiveReadOnly: recursive } = mount;
      const path = mount.subPath || (subPathExpr && expand(subPathExpr, setting.variables ?? new Map()));
      const place = { pod: pod.metadata.uid, mount: `${container.name}-${index}` };
      return {
        name: mount.name,
        source: path ? await setting.host.inside(folder, { ...place, path: plainSubPath(path) }) : folder,
        target: mount.mountPath,
        readOnly: (mount.readOnly ?? false) || plan.kind === 'files' || plan.kind === 'image',
        ...(recursive && recursive !== 'Disabled' ? { recursive } : {}),
        ...(propagation && propagation !== 'None' ? { propagation } : {}),
      };
    }),
  );
}

/** A container's variables may make of a path what nobody could have written there. */
function plainSubPath(path: string): string {
  if (path.startsWith('/')) throw new SubPathError(`error SubPath \`${path}\` must not be an absolute path`);
  if (path.split('/').includes('..')) {
    throw new SubPathError(`unable to provision SubPath \`${path}\`: must not contain '..'`);
  }
  return path;
}

/** Brings what is made of objects up to date, for containers that run. Paths inside a volume stay as they were. */
export async function refreshFiles(pod: Pod, setting: Omit<MountSetting, 'variables'>): Promise<void> {
  for (const { name } of volumesOf(pod).filter(isOfObjects)) {
    await folderOf(pod, name, volumePlan(pod, name, setting.sources), setting);
  }
}

/** The objects whose changes the pod's containers are to see. */
export function namedObjects(pod: Pod): {
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
} {
  const parts = volumesOf(pod).flatMap((volume) => [volume, ...(volume.projected?.sources ?? [])]);
  return {
    configMaps: [...new Set(parts.flatMap((part) => part.configMap?.name ?? []))],
    secrets: [...new Set(parts.flatMap((part) => secretName(part.secret) || []))],
  };
}

export const tokenSources = (pod: Pod): readonly TokenSource[] =>
  volumesOf(pod)
    .flatMap((volume) => volume.projected?.sources ?? [])
    .flatMap(({ serviceAccountToken }) => serviceAccountToken ?? []);

export const hasFiles = (pod: Pod): boolean => volumesOf(pod).some(isOfObjects);

interface MountExtras {
  readonly subPathExpr?: string;
  readonly mountPropagation?: string;
  readonly recursiveReadOnly?: 'Disabled' | 'IfPossible' | 'Enabled';
}

async function folderOf(pod: Pod, name: string, plan: VolumePlan, setting: MountSetting): Promise<string> {
  const { host, unpack } = setting;
  const { uid } = pod.metadata;
  if (plan.kind === 'host') return host.hostPath(plan.path, plan.type);
  const group = groupOf(pod);
  if (plan.kind === 'kept') {
    if (!host.kept) throw new MountError('this node keeps no volumes');
    return host.kept(plan.name, group);
  }
  if (plan.kind === 'image') {
    if (!unpack) throw new MountError(`volume ${name} is an image, and this runtime has no images to mount`);
    const folder = await host.folder(uid, name);
    await unpack(plan, folder);
    return folder;
  }
  const owned = group ? { group: group.id } : {};
  if (plan.kind === 'files') return host.folder(uid, name, { files: plan.files, ...owned });
  const { memory, bytesMax } = plan;
  return host.folder(uid, name, { memory, ...(bytesMax === undefined ? {} : { bytesMax }), ...owned });
}

function groupOf(pod: Pod): VolumeGroup | undefined {
  const { fsGroup, fsGroupChangePolicy } = (pod.spec.securityContext ?? {}) as {
    readonly fsGroup?: number;
    readonly fsGroupChangePolicy?: string;
  };
  return fsGroup === undefined
    ? undefined
    : { id: fsGroup, onlyIfRootDiffers: fsGroupChangePolicy === 'OnRootMismatch' };
}

function emptyPlan({ medium, sizeLimit }: NonNullable<Volume['emptyDir']>): VolumePlan {
  const bytesMax = sizeLimit === undefined ? undefined : quantityBytes(sizeLimit);
  return { kind: 'empty', memory: medium === 'Memory', ...(bytesMax ? { bytesMax } : {}) };
}

const isOfObjects = (volume: Volume): boolean =>
  Boolean(volume.configMap ?? volume.secret ?? volume.downwardAPI ?? volume.projected);

/** Reads what the volumes of a pod name, each object once. */
export async function readSources(
  client: Client,
  pod: Pod,
): Promise<Pick<VolumeSources, 'configMaps' | 'secrets' | 'claims'>> {
  const names = namedObjects(pod);
  const namespace = pod.metadata.namespace ?? '';
  const read = async <T extends KubeObject>(kind: Kind<T>, names: readonly string[], data: (object: T) => Data) => {
    const pairs = names.map(async (name) => {
      const object = await client.get(kind, { namespace, name }).catch(absent);
      return [name, object && data(object)] as const;
    });
    return new Map(await Promise.all(pairs));
  };
  const [maps, hidden] = await Promise.all([
    read(configMaps, names.configMaps, (map) => ({
      ...mapValues(map.data ?? {}, encodeText),
      ...mapValues(map.binaryData ?? {}, decodeBase64),
    })),
    read(secrets, names.secrets, (secret) => mapValues(secret.data ?? {}, decodeBase64)),
  ]);
  return { configMaps: maps, secrets: hidden, claims: await readClaims(client, pod) };
}

interface FilesSetting {
  readonly sources: VolumeSources;
  readonly mode: number;
}

function filesOf(pod: Pod, part: Projection, { sources, mode }: FilesSetting): readonly VolumeFile[] {
  if (part.configMap) {
    const name = part.configMap.name ?? '';
    return named(part.configMap, { data: sources.configMaps.get(name), what: `configmap "${name}"`, mode });
  }
  if (part.secret) {
    const name = secretName(part.secret);
    return named(part.secret, { data: sources.secrets.get(name), what: `secret "${name}"`, mode });
  }
  if (part.serviceAccountToken) {
    const { path } = part.serviceAccountToken;
    const bytes = sources.tokens.get(tokenKey(part.serviceAccountToken));
    if (!bytes) throw new MountError(`no token for ${path} yet`);
    return [{ path, bytes, mode }];
  }
  return (part.downwardAPI?.items ?? []).map((item): VolumeFile => {
    const bytes = encodeText(
      item.fieldRef
        ? fieldValue(pod, item.fieldRef.fieldPath, sources)
        : amount(pod, item.resourceFieldRef ?? { resource: '' }, sources),
    );
    return { path: item.path, bytes, mode: item.mode ?? mode };
  });
}

function named(
  source: Named,
  { data, what, mode }: { readonly data: Data | undefined; readonly what: string; readonly mode: number },
): readonly VolumeFile[] {
  if (!data) {
    if (source.optional) return [];
    throw new MountError(`${what} not found`);
  }
  if (!source.items) return Object.entries(data).map(([path, bytes]) => ({ path, bytes, mode }));
  return source.items.flatMap((item): readonly VolumeFile[] => {
    const bytes = data[item.key];
    if (bytes) return [{ path: item.path, bytes, mode: item.mode ?? mode }];
    if (source.optional) return [];
    throw new MountError(`references non-existent config key: ${item.key}`);
  });
}

function amount(
  pod: Pod,
  from: { readonly containerName?: string; readonly resource: string; readonly divisor?: string },
  sources: VolumeSources,
): string {
  const container = pod.spec.containers.find(({ name }) => name === from.containerName) ?? pod.spec.containers[0];
  if (!container) throw new MountError('the pod has no container');
  return resourceValue(container, { resource: from.resource, divisor: from.divisor ?? '0' }, sources.allocatable);
}

const volumesOf = (pod: Pod): readonly Volume[] => (pod.spec.volumes ?? []) as readonly Volume[];
const secretName = (secret: Named | undefined): string => secret?.secretName ?? secret?.name ?? '';
const mapValues = (from: Labels, change: (value: string) => Uint8Array): Data =>
  Object.fromEntries(Object.entries(from).map(([key, value]) => [key, change(value)]));

function absent(error: unknown): undefined {
  if (!isApiError(error, 'NotFound')) throw error;
  return undefined;
}
