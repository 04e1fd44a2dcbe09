import { type Kind, type KindFacts, makeKind, type SubresourceFacts } from '../api/kind.ts';
import { type Client, jsonOf } from '../client/client.ts';
import { CommandFailure } from './command.ts';
import { nearest, UsageError } from './flags.ts';

interface Served {
  readonly resource: string;
  readonly responseKind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly scope: string;
  readonly singularResource: string;
  readonly verbs: KindFacts['verbs'];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly subresources?: readonly {
    readonly subresource: string;
    readonly responseKind: Served['responseKind'];
    readonly verbs: SubresourceFacts['verbs'];
  }[];
}
interface GroupDiscoveryList {
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly { readonly version: string; readonly resources?: readonly Served[] }[];
  }[];
}

const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

/** The kinds that this cluster serves, as its own discovery tells: custom kinds are found like built-in ones. */
export class ServedKinds {
  /** In the order of discovery: the first that fits a word is meant. */
  readonly all: readonly Kind[];

  constructor(all: readonly Kind[]) {
    this.all = all;
  }

  static async of(client: Client): Promise<ServedKinds> {
    const documents = await Promise.all(
      ['/api', '/apis'].map(async (path) => jsonOf(await client.request({ method: 'GET', path, headers: { accept } }))),
    );
    return new ServedKinds(documents.flatMap((document) => kindsOf(document as unknown as GroupDiscoveryList)));
  }

  byKind(apiVersion: string, kind: string): Kind | undefined {
    return this.all.find((candidate) => candidate.apiVersion === apiVersion && candidate.kind === kind);
  }

  /** `pods`, `pod`, `po`, `Pod`, `deployments.apps`, `deployments.v1.apps`, or a category such as `all`. */
  byWord(word: string): readonly Kind[] {
    const [name = '', ...rest] = word.toLowerCase().split('.');
    const group = rest.join('.');
    const found = this.all.find(
      (kind) =>
        namesOf(kind).includes(name) && (group === '' || [kind.group, `${kind.version}.${kind.group}`].includes(group)),
    );
    if (found) return [found];
    const category = this.all.filter((kind) => kind.categories.includes(word));
    if (category.length > 0) return withoutOldVersions(category);
    const close = nearest(name, this.all.flatMap(namesOf));
    throw new CommandFailure(
      `error: the server doesn't have a resource type "${word}"${close ? `: did you mean ${close}?` : ''}`,
    );
  }

  one(word: string): Kind {
    const [kind, ...others] = this.byWord(word);
    if (kind && others.length === 0) return kind;
    throw new UsageError(`${word} stands for many kinds; name one of them`);
  }
}

const namesOf = (kind: Kind): readonly string[] => [
  kind.plural,
  kind.singular || kind.kind.toLowerCase(),
  ...kind.shortNames,
  kind.kind.toLowerCase(),
];

/** A category has each kind once, though it is served in two versions. */
const withoutOldVersions = (kinds: readonly Kind[]): readonly Kind[] =>
  kinds.filter(
    (kind, index) => kinds.findIndex(({ group, plural }) => group === kind.group && plural === kind.plural) === index,
  );

function kindsOf(document: GroupDiscoveryList): readonly Kind[] {
  return (document.items ?? []).flatMap(({ metadata, versions = [] }) =>
    versions.flatMap(({ version, resources = [] }) =>
      resources.map((resource) => kindOf(metadata?.name ?? '', version, resource)),
    ),
  );
}

function kindOf(group: string, version: string, served: Served): Kind {
  return makeKind({
    group,
    version,
    kind: served.responseKind.kind,
    plural: served.resource,
    singular: served.singularResource,
    namespaced: served.scope === 'Namespaced',
    verbs: served.verbs,
    shortNames: served.shortNames ?? [],
    categories: served.categories ?? [],
    subresources: (served.subresources ?? []).map(({ subresource, responseKind, verbs }) => ({
      name: subresource,
      ...responseKind,
      verbs,
    })),
  });
}

/** `deployment.apps/web`: how one object is named in what we print. */
export const objectText = (kind: { readonly kind: string; readonly group: string }, name: string): string =>
  `${kind.kind.toLowerCase()}${kind.group ? `.${kind.group}` : ''}/${name}`;
