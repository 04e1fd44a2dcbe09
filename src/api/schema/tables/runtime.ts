// Made by tools/schema.ts from the OpenAPI, discovery and protobuf facts of Kubernetes 1.36.3. Do not edit.
// biome-ignore format: one constant, parsed when the group is first asked for.
export const runtime =
  '{"TypeMeta":{"f":[["apiVersion",1,"s"],["kind",2,"s"]]},"Unknown":{"f":[["typeMeta",1,"@.TypeMeta"],["raw",2,"y"],["contentEncoding",3,"s"],["contentType",4,"s"]]}}';
