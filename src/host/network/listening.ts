export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Where a pod's address really is: pods that are processes may only have a port of this machine. */
export type Resolve = (ip: string, port: number) => Place;

/** One address that is listened at. Made anew for every attempt: a socket that failed to bind is spent. */
export interface Listening {
  /** Answers where it listens in fact: port 0 asks for any. */
  listen(place: Place): Promise<Place>;
  /** Nobody new; tells when nobody is left. */
  stopAccepting(drained: () => void): void;
  close(): void;
}
