/** What the classes that are ours name as their controller. */
export const ingressController = 'mini-k8s.io/ingress';
/** The class that every cluster of ours offers. */
export const ingressClassName = 'mini-k8s';
