// Made by tools/schema.ts from the OpenAPI, discovery and protobuf facts of Kubernetes 1.36.3. Do not edit.
// biome-ignore format: one constant, parsed when the group is first asked for.
export const imagepolicy =
  '{"v1alpha1.ImageReview":{"f":[["metadata",1,"@meta.v1.ObjectMeta"],["spec",2,"@.v1alpha1.ImageReviewSpec"],["status",3,"@.v1alpha1.ImageReviewStatus"]]},"v1alpha1.ImageReviewContainerSpec":{"f":[["image",1,"s"]]},"v1alpha1.ImageReviewSpec":{"f":[["containers",1,"[]@.v1alpha1.ImageReviewContainerSpec"],["annotations",2,"{}s"],["namespace",3,"s"]]},"v1alpha1.ImageReviewStatus":{"f":[["allowed",1,"b"],["reason",2,"s"],["auditAnnotations",3,"{}s"]]}}';
