// Made by tools/schema.ts from the OpenAPI, discovery and protobuf facts of Kubernetes 1.36.3. Do not edit.
// biome-ignore format: one constant, parsed when the group is first asked for.
export const version =
  '{"Info":{"o":1,"f":[["buildDate",0,"s","rz"],["compiler",0,"s","rz"],["emulationMajor",0,"s"],["emulationMinor",0,"s"],["gitCommit",0,"s","rz"],["gitTreeState",0,"s","rz"],["gitVersion",0,"s","rz"],["goVersion",0,"s","rz"],["major",0,"s","rz"],["minCompatibilityMajor",0,"s"],["minCompatibilityMinor",0,"s"],["minor",0,"s","rz"],["platform",0,"s","rz"]]}}';
