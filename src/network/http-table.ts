import type { Millis } from '../base/env.ts';

/** Everything that the HTTP proxy is told, as one value: replaced whole, and it works out what differs. */
export interface HttpTable {
  readonly listeners: readonly HttpListener[];
}

/** One port. What is asked there goes to the site whose pattern fits the name best. */
export interface HttpListener {
  readonly port: number;
  readonly tls: boolean;
  readonly sites: readonly HttpSite[];
  readonly certificates: readonly HttpCertificate[];
}

/** A certificate for names: `web.example.com`, `*.example.com`, or '' for all that nobody else has. */
export interface HttpCertificate {
  readonly hosts: readonly string[];
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

/** A listener's share of the names. Sites with the same pattern are asked one after another. */
export interface HttpSite extends HostPattern {
  readonly hosts: readonly HttpHost[];
}

export interface HostPattern {
  /** A name, `*.` and a name, or '' for every name. */
  readonly host: string;
  /** How many labels the star stands for: Ingress says one, Gateway one or more. */
  readonly star: 'one' | 'many';
}

/** The rules of one name, those first that come first. */
export interface HttpHost extends HostPattern {
  readonly rules: readonly HttpRule[];
}

export interface HttpRule {
  readonly path: PathMatch;
  readonly method?: string;
  /** Names in lower case. All must hold. */
  readonly headers?: readonly ValueMatch[];
  readonly query?: readonly ValueMatch[];
  readonly action: HttpAction;
  /** Whose rule it is, for the access log: `ingress default/web`. */
  readonly source: string;
}

export interface PathMatch {
  readonly type: 'Exact' | 'Prefix' | 'Pattern';
  readonly value: string;
  /** Of a pattern: whoever makes the rule brings what understands it. */
  readonly test?: (path: string) => boolean;
}
export interface ValueMatch {
  readonly name: string;
  readonly value: string;
  /** Where the value is a pattern. */
  readonly test?: (value: string) => boolean;
}

export type HttpAction = ForwardAction | RedirectAction | AnswerAction;

export interface ForwardAction extends HttpFilters {
  readonly type: 'forward';
  readonly choices: readonly WeightedPool[];
  readonly rewrite?: Rewrite;
  readonly mirrors?: readonly Mirror[];
  /** The whole request, with its tries. */
  readonly requestMs?: Millis;
  /** One try. */
  readonly backendMs?: Millis;
}
export interface RedirectAction {
  readonly type: 'redirect';
  readonly status: number;
  readonly scheme?: string;
  readonly hostname?: string;
  readonly port?: number;
  readonly path?: PathChange;
  readonly responseHeaders?: HeaderChange;
}
export interface AnswerAction {
  readonly type: 'answer';
  readonly status: number;
  readonly text: string;
}

export interface HttpFilters {
  readonly requestHeaders?: HeaderChange;
  readonly responseHeaders?: HeaderChange;
}
/** Names in lower case. First what is set, then what is added, then what is removed. */
export interface HeaderChange {
  readonly set: readonly (readonly [string, string])[];
  readonly add: readonly (readonly [string, string])[];
  readonly remove: readonly string[];
}
export interface Rewrite {
  readonly hostname?: string;
  readonly path?: PathChange;
}
export interface PathChange {
  /** The whole path, or the part that the rule's prefix has matched. */
  readonly replace: 'whole' | 'prefix';
  readonly value: string;
}
export interface Mirror {
  readonly pool: HttpPool;
  /** Of how many requests: 1 of 1 is all. */
  readonly numerator: number;
  readonly denominator: number;
}

export interface WeightedPool extends HttpFilters {
  readonly weight: number;
  /** Absent where the reference leads nowhere: that share of the requests is answered with 500. */
  readonly pool?: HttpPool;
}

/** One port of one Service, and who answers there. */
export interface HttpPool {
  /** `namespace/name:port`: turns and open connections are kept under it from table to table. */
  readonly name: string;
  readonly protocol: 'http1' | 'h2c';
  readonly backends: readonly HttpBackend[];
  /** How long a client stays with the backend that it met last. */
  readonly affinityMs?: Millis;
}
export interface HttpBackend {
  readonly ip: string;
  readonly port: number;
}

/** What became of one wanted port. */
export type Bound =
  | { readonly port: number; readonly host: string; readonly at: number }
  | { readonly port: number; readonly error: string };

/** What carries the requests. The promise resolves when the table is in force. */
export interface HttpDataplane {
  replace(table: HttpTable): Promise<readonly Bound[]>;
}
