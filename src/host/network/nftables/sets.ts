/** The sets of the table, and what each of them holds. `inet_proto . inet_service` is a protocol and a port. */
export const sets = {
  /** Where packets of the cluster's own pods and of this node go: another cluster here may have the same addresses. */
  cluster_services4: 'map ipv4_addr . inet_proto . inet_service : verdict',
  cluster_services6: 'map ipv6_addr . inet_proto . inet_service : verdict',
  /** Where packets of everybody go, at the other addresses of services. */
  services4: 'map ipv4_addr . inet_proto . inet_service : verdict',
  services6: 'map ipv6_addr . inet_proto . inet_service : verdict',
  /** Where packets of others go, if elsewhere. */
  outside4: 'map ipv4_addr . inet_proto . inet_service : verdict',
  outside6: 'map ipv6_addr . inet_proto . inet_service : verdict',
  ports4: 'map inet_proto . inet_service : verdict',
  ports6: 'map inet_proto . inet_service : verdict',
  ports_outside4: 'map inet_proto . inet_service : verdict',
  ports_outside6: 'map inet_proto . inet_service : verdict',
  /** Known, and nobody answers. */
  refused4: 'set ipv4_addr . inet_proto . inet_service',
  refused6: 'set ipv6_addr . inet_proto . inet_service',
  refused_ports: 'set inet_proto . inet_service',
  /** Addresses of services inside the cluster: their other ports refuse. */
  cluster4: 'set ipv4_addr',
  cluster6: 'set ipv6_addr',
  /** Their other addresses, and node ports: by these and the former a connection is known as one of ours. */
  others4: 'set ipv4_addr',
  others6: 'set ipv6_addr',
  node_ports: 'set inet_service',
  /** Where clients from outside keep their own address. */
  kept4: 'set ipv4_addr',
  kept6: 'set ipv6_addr',
  kept_ports: 'set inet_service',
  /** A pod that reaches itself through a service: it would take its own address for the answer's. */
  hairpin4: 'set ipv4_addr . ipv4_addr',
  hairpin6: 'set ipv6_addr . ipv6_addr',
  /** Pods that are let alone but for what policies allow. */
  ingress4: 'map ipv4_addr : verdict',
  ingress6: 'map ipv6_addr : verdict',
  egress4: 'map ipv4_addr : verdict',
  egress6: 'map ipv6_addr : verdict',
  /** All pods here, where there are policies. */
  pods4: 'set ipv4_addr',
  pods6: 'set ipv6_addr',
  /** Devices behind which pods live; and with those that lead to pods of other nodes. */
  pod_links: 'set ifname',
  loopback_links: 'set ifname',
} as const;

export type SetName = keyof typeof sets;
