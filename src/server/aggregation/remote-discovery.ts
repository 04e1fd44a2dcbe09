import { isObject, type Json, type JsonObject } from '../../base/json.ts';

/** An APIResourceList in the form in which aggregated discovery tells the same. */
export function aggregatedResources(list: Json | undefined, group: string, version: string): readonly Json[] {
  const resources = isObject(list) && Array.isArray(list.resources) ? list.resources.filter(isObject) : [];
  const kindOf = (one: JsonObject): JsonObject => ({
    group: one.group ?? group,
    version: one.version ?? version,
    kind: one.kind ?? '',
  });
  const subresourcesOf = (name: Json | undefined): readonly Json[] =>
    resources
      .filter((one) => String(one.name).startsWith(`${name}/`))
      .map((one) => ({
        subresource: String(one.name).slice(String(name).length + 1),
        responseKind: kindOf(one),
        verbs: one.verbs ?? [],
      }));
  return resources
    .filter((one) => !String(one.name).includes('/'))
    .map((one) => {
      const subresources = subresourcesOf(one.name);
      return {
        resource: one.name ?? '',
        responseKind: kindOf(one),
        scope: one.namespaced === true ? 'Namespaced' : 'Cluster',
        singularResource: one.singularName ?? '',
        verbs: one.verbs ?? [],
        ...(one.shortNames ? { shortNames: one.shortNames } : {}),
        ...(one.categories ? { categories: one.categories } : {}),
        ...(subresources.length > 0 ? { subresources } : {}),
      };
    });
}
