/** What the GatewayClasses that are ours name as their controller. */
export const gatewayController = 'mini-k8s.io/gateway';
/** The class that comes with the definitions. */
export const gatewayClassName = 'mini-k8s';
