import type { Kind, SubresourceFacts } from '../api/kind.ts';
import { toBase64 } from '../api/protobuf-wire.ts';
import type { Crypto } from '../base/env.ts';
import { hash32 } from '../base/hash.ts';
import { encodeText, type Json } from '../base/json.ts';
import type { RemoteVersion } from './aggregation/aggregator.ts';
import type { KindRegistry } from './kinds.ts';

export const aggregatedType = (version: string): string =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;

/** Kinds that upstream still stores in another version than the one it prefers to serve. */
const storageVersions: Readonly<Record<string, string>> = {
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': 'v1beta1',
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding': 'v1beta1',
  'apiextensions.k8s.io/CustomResourceDefinition': 'v1beta1',
  'autoscaling/HorizontalPodAutoscaler': 'v2',
  '/Event': 'v1',
};

/** What is served, as upstream's discovery tells it: the legacy documents and the aggregated one. */
export class Discovery {
  readonly #kinds: KindRegistry;
  readonly #address: string;
  readonly #crypto: Pick<Crypto, 'digest'>;
  readonly #remote: () => readonly RemoteVersion[];

  constructor(
    kinds: KindRegistry,
    address: string,
    { crypto, remote }: { readonly crypto: Pick<Crypto, 'digest'>; readonly remote: () => readonly RemoteVersion[] },
  ) {
    this.#remote = remote;
    this.#kinds = kinds;
    this.#address = address;
    this.#crypto = crypto;
  }

  /** The document at this path, if it is one of discovery's. */
  at(
    path: string,
    accept: string,
  ): { readonly body: Json; readonly mediaType?: string; readonly etag?: string } | undefined {
    const segments = path.split('/').filter(Boolean);
    const version = path === '/api' || path === '/apis' ? aggregatedVersion(accept) : undefined;
    if (version) {
      const body = this.#aggregated(path === '/api', version);
      return { body, mediaType: aggregatedType(version), etag: `"${hash32(JSON.stringify(body)).toString(16)}"` };
    }
    const body = this.#legacy(segments);
    return body === undefined ? undefined : { body };
  }

  #legacy(segments: readonly string[]): Json | undefined {
    const [root, group, version, ...rest] = segments;
    if (root === 'api') {
      if (group === undefined) {
        return {
          kind: 'APIVersions',
          versions: ['v1'],
          serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: this.#address }],
        };
      }
      return version === undefined ? this.#resourceList('', group) : undefined;
    }
    if (root !== 'apis' || rest.length > 0) return undefined;
    if (group === undefined)
      return {
        kind: 'APIGroupList',
        apiVersion: 'v1',
        groups: this.#groups().map(([name, versions]) => apiGroup(name, versions)),
      };
    const found = this.#groups().find(([name]) => name === group);
    if (!found) return undefined;
    if (version === undefined) return { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(...found) };
    return this.#resourceList(group, version);
  }

  #resourceList(group: string, version: string): Json | undefined {
    const kinds = this.#kinds.all().filter((kind) => kind.group === group && kind.version === version);
    if (kinds.length === 0) return undefined;
    const resources = kinds.flatMap((kind) => [
      this.#legacyResource(kind),
      ...kind.subresources.map((subresource) => legacySubresource(kind, subresource)),
    ]);
    return {
      kind: 'APIResourceList',
      ...(group ? { apiVersion: 'v1' } : {}),
      groupVersion: group ? `${group}/${version}` : version,
      resources,
    };
  }

  #legacyResource(kind: Kind): Json {
    return {
      name: kind.plural,
      singularName: kind.singular,
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: kind.verbs,
      ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
      ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
      ...(kind.verbs.includes('watch') ? { storageVersionHash: this.#storageHash(kind) } : {}),
    };
  }

  /** Tells clients when objects have to be written anew after an upgrade: a digest of what they are stored as. */
  #storageHash(kind: Kind): string {
    const { group } = kind.rules.storedAs ?? kind;
    const version = storageVersions[`${group}/${kind.kind}`] ?? kind.version;
    const digest = this.#crypto.digest(encodeText(`${group}/${version}/${kind.kind}`));
    return toBase64(
      Uint8Array.from({ length: 8 }, (_, index) => Number.parseInt(digest.slice(2 * index, 2 * index + 2), 16)),
    );
  }

  /** Named groups with their versions, in the order in which kinds were registered: upstream's own. */
  #groups(): readonly (readonly [string, readonly string[]])[] {
    const groups = new Map<string, string[]>();
    for (const { group, version } of this.#kinds.all()) {
      if (group === '') continue;
      const versions = groups.get(group) ?? [];
      if (!versions.includes(version)) versions.push(version);
      groups.set(group, versions);
    }
    // What others serve comes last.
    for (const { group, version } of this.#remote()) {
      const versions = groups.get(group) ?? [];
      if (!versions.includes(version)) versions.push(version);
      groups.set(group, versions);
    }
    return [...groups];
  }

  #aggregated(core: boolean, version: string): Json {
    const groups = core ? [['', ['v1']] as const] : this.#groups();
    return {
      kind: 'APIGroupDiscoveryList',
      apiVersion: `apidiscovery.k8s.io/${version}`,
      metadata: {},
      items: groups.map(([name, versions]) => ({
        metadata: name ? { name } : {},
        versions: versions.map((version) => this.#aggregatedVersion(name, version)),
      })),
    };
  }

  #aggregatedVersion(group: string, version: string): Json {
    const remote = this.#remote().find((one) => one.group === group && one.version === version);
    if (remote) return { version, resources: remote.resources, freshness: remote.isFresh ? 'Current' : 'Stale' };
    const kinds = this.#kinds.all().filter((kind) => kind.group === group && kind.version === version);
    return { version, resources: kinds.map(aggregatedResource), freshness: 'Current' };
  }
}

function aggregatedVersion(accept: string): string | undefined {
  for (const choice of accept.split(',')) {
    if (!choice.includes('as=APIGroupDiscoveryList')) continue;
    const version = /v=(v2beta1|v2)(;|$)/.exec(choice.replaceAll(' ', ''))?.[1];
    if (version) return version;
  }
  return undefined;
}

function apiGroup(name: string, versions: readonly string[]): { readonly [key: string]: Json } {
  const all = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: all, preferredVersion: all[0] as Json };
}

function legacySubresource(kind: Kind, subresource: SubresourceFacts): Json {
  const own = subresource.group === kind.group && subresource.version === kind.version;
  return {
    name: `${kind.plural}/${subresource.name}`,
    singularName: '',
    namespaced: kind.namespaced,
    ...(own ? {} : { group: subresource.group, version: subresource.version }),
    kind: subresource.kind,
    verbs: subresource.verbs,
  };
}

const responseKind = ({
  group,
  version,
  kind,
}: {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}) => ({ group, version, kind });

function aggregatedResource(kind: Kind): Json {
  return {
    resource: kind.plural,
    responseKind: responseKind(kind),
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: kind.verbs,
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    ...(kind.subresources.length > 0
      ? {
          subresources: kind.subresources.map((sub) => ({
            subresource: sub.name,
            responseKind: responseKind(sub),
            verbs: sub.verbs,
          })),
        }
      : {}),
  };
}
