/** Volumes that are folders of one node: the provisioner and the driver are one. */
export const localPathDriver = 'local-path.mini-k8s.io';
/** Held by the node until the folder is gone. */
export const localPathFinalizer = 'local-path.mini-k8s.io/folder';
export const localPathClass = 'local-path';
/** Which node keeps folders, and under which name. */
export const localPathTopology = 'topology.local-path.mini-k8s.io/node';
