import type { Duplex } from '../../api/wire.ts';

/** Opens a connection to a port inside the pod. */
export type Connect = (port: number) => Promise<Duplex>;

export const forwardError = (port: number, about: string, cause: unknown): string =>
  `error forwarding port ${port} to pod ${about}: ${cause instanceof Error ? cause.message : String(cause)}`;
