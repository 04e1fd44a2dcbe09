import { type Part, partOf, partsOf, textOf, textsOf } from '../api/kinds/defaulting.ts';
import type { Ingress } from '../api/kinds/ingress.ts';
import type { IngressClass } from '../api/kinds/ingress-class.ts';
import { classAnnotation } from '../api/kinds/ingress-rules.ts';
import type { Secret } from '../api/kinds/secret.ts';
import { byKey, type Key, type KubeObject, keyText } from '../api/object.ts';
import { compareText } from '../base/text.ts';
import { poolOf, type ServiceWorld } from './http-backends.ts';
import type { Remark } from './http-router.ts';
import type { HttpAction, HttpCertificate, HttpHost, HttpRule } from './http-table.ts';
import { ingressClassName, ingressController } from './ingress-class.ts';
import { certificateOf } from './tls-secret.ts';

const defaultClassAnnotation = 'ingressclass.kubernetes.io/is-default-class';

export interface IngressWorld extends ServiceWorld {
  readonly ingresses: readonly Ingress[];
  readonly classes: readonly IngressClass[];
  secret(key: Key): Secret | undefined;
}

export interface IngressRoutes {
  readonly hosts: readonly HttpHost[];
  readonly certificates: readonly HttpCertificate[];
  /** Those that we serve: their status is ours to write. */
  readonly ours: readonly Ingress[];
  readonly remarks: readonly Remark[];
}

/** What Ingresses mean for the proxy. Pure, and the same for the same objects in any order. */
export function ingressRoutes(world: IngressWorld): IngressRoutes {
  const remarks: Remark[] = [];
  const ours = world.ingresses
    .filter((ingress) => !ingress.metadata.deletionTimestamp && isOurs(ingress, world.classes, remarks))
    .sort(byAge);
  const paths = ours.flatMap((ingress) => pathsOf(world, ingress, remarks));
  const hosts = new Map<string, Path[]>();
  for (const path of paths) {
    const known = hosts.get(path.host);
    if (known) known.push(path);
    else hosts.set(path.host, [path]);
  }
  return {
    hosts: [...hosts].map(([host, found]) => ({ host, star: 'one', rules: ordered(found) })),
    certificates: ours.flatMap((ingress) => certificatesOf(world, ingress, remarks)),
    ours,
    remarks,
  };
}

/** The older object was there first: it wins where two want the same. */
export function byAge(a: KubeObject, b: KubeObject): number {
  return compareText(a.metadata.creationTimestamp, b.metadata.creationTimestamp) || byKey(a, b);
}

function isOurs(ingress: Ingress, classes: readonly IngressClass[], remarks: Remark[]): boolean {
  const named = textOf(partOf(ingress.spec).ingressClassName);
  const old = ingress.metadata.annotations?.[classAnnotation];
  const name = named || old;
  if (!name) {
    // Made while there was no default class: it is anybody's, unless a default class of somebody else stands now.
    const standing = classes.filter(({ metadata }) => metadata.annotations?.[defaultClassAnnotation] === 'true');
    return standing.every(isOurClass);
  }
  const known = classes.find(({ metadata }) => metadata.name === name);
  if (known) return isOurClass(known);
  if (old === ingressClassName && !named) return true;
  const choices = classes.map(({ metadata }) => metadata.name).sort(compareText);
  const there = choices.length > 0 ? `there are ${choices.join(', ')}` : 'there is none at all';
  const message = `nobody serves this Ingress: there is no IngressClass ${JSON.stringify(name)}, ${there}`;
  remarks.push({ about: ingress, reason: 'NoIngressClass', message });
  return false;
}

const isOurClass = (found: IngressClass): boolean => partOf(found.spec).controller === ingressController;

interface Path {
  readonly host: string;
  /** Default backends come after everything that was written as a path. */
  readonly isDefault: boolean;
  readonly rule: HttpRule;
}

function pathsOf(world: IngressWorld, ingress: Ingress, remarks: Remark[]): readonly Path[] {
  const spec = partOf(ingress.spec);
  const { namespace = '', name } = ingress.metadata;
  const source = `ingress ${namespace}/${name}`;
  const make = (backend: Part, path: HttpRule['path']): HttpRule => ({
    path,
    action: actionOf(world, ingress, backend, remarks),
    source,
  });
  const found: Path[] = [];
  const hosts = new Set<string>();
  for (const rule of partsOf(spec.rules)) {
    const host = textOf(rule.host).toLowerCase();
    hosts.add(host);
    for (const item of partsOf(partOf(rule.http).paths)) {
      // What is left to the implementation means a prefix here.
      const type = item.pathType === 'Exact' ? 'Exact' : 'Prefix';
      found.push({
        host,
        isDefault: false,
        rule: make(partOf(item.backend), { type, value: textOf(item.path) || '/' }),
      });
    }
  }
  if (spec.defaultBackend !== undefined) {
    const rule = make(partOf(spec.defaultBackend), { type: 'Prefix', value: '/' });
    // First for what was asked of its own names, then for all that nobody has a rule for.
    for (const host of new Set([...hosts, ''])) found.push({ host, isDefault: true, rule });
  }
  return found;
}

/** The longest path first; of the same length, the exact one; of the same kind, the older Ingress. */
function ordered(paths: readonly Path[]): readonly HttpRule[] {
  const rank = ({ rule, isDefault }: Path) => (isDefault ? -1 : lengthOf(rule));
  const exact = ({ rule }: Path) => (rule.path.type === 'Exact' ? 0 : 1);
  return paths.toSorted((a, b) => rank(b) - rank(a) || exact(a) - exact(b)).map(({ rule }) => rule);
}

/** A slash at the end of a prefix is not counted: it says nothing. */
const lengthOf = ({ path: { type, value } }: HttpRule): number =>
  type === 'Prefix' && value.length > 1 && value.endsWith('/') ? value.length - 1 : value.length;

function actionOf(world: IngressWorld, ingress: Ingress, backend: Part, remarks: Remark[]): HttpAction {
  const refuse = (reason: string, message: string): HttpAction => {
    remarks.push({ about: ingress, reason, message });
    return { type: 'answer', status: 503, text: message };
  };
  if (backend.resource !== undefined) {
    const { kind, name } = partOf(backend.resource);
    return refuse(
      'ResourceBackend',
      `the backend ${textOf(kind)} ${textOf(name)} is no Service: nothing can answer for it`,
    );
  }
  const service = partOf(backend.service);
  const port = partOf(service.port);
  const key = { namespace: ingress.metadata.namespace ?? '', name: textOf(service.name) };
  const choice = port.name ? { name: textOf(port.name) } : { number: Number(port.number) };
  const pool = poolOf(world, key, choice);
  if ('problem' in pool) return refuse('NoBackend', pool.problem);
  return { type: 'forward', choices: [{ weight: 1, pool }] };
}

function certificatesOf(world: IngressWorld, ingress: Ingress, remarks: Remark[]): readonly HttpCertificate[] {
  return partsOf(partOf(ingress.spec).tls).flatMap((tls) => {
    const name = textOf(tls.secretName);
    // Without a Secret the names are served with a certificate that the proxy makes.
    if (name === '') return [];
    const key = { namespace: ingress.metadata.namespace ?? '', name };
    const found = certificateOf(world.secret(key), keyText(key));
    if ('problem' in found) {
      remarks.push({ about: ingress, reason: 'NoCertificate', message: found.problem });
      return [];
    }
    const hosts = textsOf(tls.hosts).map((host) => host.toLowerCase());
    return [{ hosts: hosts.length > 0 ? hosts : [''], ...found }];
  });
}
