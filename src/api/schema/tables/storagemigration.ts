// Made by tools/schema.ts from the OpenAPI, discovery and protobuf facts of Kubernetes 1.36.3. Do not edit.
// biome-ignore format: one constant, parsed when the group is first asked for.
export const storagemigration =
  '{"v1beta1.StorageVersionMigration":{"f":[["metadata",1,"@meta.v1.ObjectMeta"],["spec",2,"@.v1beta1.StorageVersionMigrationSpec"],["status",3,"@.v1beta1.StorageVersionMigrationStatus"]]},"v1beta1.StorageVersionMigrationList":{"f":[["metadata",1,"@meta.v1.ListMeta"],["items",2,"[]@.v1beta1.StorageVersionMigration"]]},"v1beta1.StorageVersionMigrationSpec":{"f":[["resource",1,"@meta.v1.GroupResource"]]},"v1beta1.StorageVersionMigrationStatus":{"f":[["conditions",1,"[]@meta.v1.Condition"],["resourceVersion",2,"s"]]}}';
