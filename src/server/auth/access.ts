import { ApiError } from '../../api/error.ts';
import type { ApiRequest, ApiResponse, Caller, Transport } from '../../api/wire.ts';
import type { Env, Millis } from '../../base/env.ts';
import type { Followed } from '../../base/followed.ts';
import type { Store } from '../../store/store.ts';
import { CreateRight } from '../admission/create-right.ts';
import { NodeRestriction } from '../admission/node-restriction.ts';
import type { AdmissionPlugin } from '../admission/plugin.ts';
import { RoleEscalation } from '../admission/role-escalation.ts';
import { type Attributes, type Authorizer, masters } from '../attributes.ts';
import type { FieldTracker } from '../field-tracker.ts';
import type { ResourceRoute } from '../route.ts';
import { AccessFigures } from './access-figures.ts';
import { Authentication } from './authentication.ts';
import type { AuthenticationConfiguration } from './authentication-configuration.ts';
import { Authorization } from './authorization.ts';
import type { PlainType, WebhookRules } from './authorization-configuration.ts';
import { nodeRules } from './bootstrap/policy.ts';
import { BootstrapTokens } from './bootstrap-tokens.ts';
import { Impersonation } from './impersonation.ts';
import { issuerDocument } from './issuer-documents.ts';
import { LegacyTokens } from './legacy-tokens.ts';
import { linkRights } from './link-rights.ts';
import { NodeAuthorizer } from './node-authorizer.ts';
import { type IssuerKeys, OidcTokens } from './oidc-tokens.ts';
import { isPart, PartRights } from './part-rights.ts';
import { Rbac } from './rbac.ts';
import { attributesOf } from './request-attributes.ts';
import { Reviews } from './reviews.ts';
import { ServiceAccountTokens, type TokenSigning } from './service-account-tokens.ts';
import { StaticTokens } from './static-tokens.ts';
import { TokenRequests } from './token-request.ts';
import type { TokenKind } from './tokens.ts';
import { WebhookAuthorizer, WebhookTokens } from './webhook.ts';

export interface AccessOptions {
  readonly signing?: TokenSigning;
  /** The text of a token file. */
  readonly staticTokens?: string;
  readonly authentication?: Followed<AuthenticationConfiguration>;
  readonly issuerKeys?: IssuerKeys;
  /** Somebody else who knows tokens. */
  readonly tokenWebhook?: Transport;
  /** Somebody else who decides what roles leave open. */
  readonly authorizationWebhook?: Transport;
  /** Who is asked instead of nodes, roles and webhook, in this order. */
  readonly authorizerChoices?: Followed<readonly ChosenAuthorizer[]>;
  /** Asked last: a program's own. */
  readonly authorizers?: readonly Authorizer[];
}

export type ChosenAuthorizer =
  | { readonly type: PlainType }
  | { readonly type: 'Webhook'; readonly transport: Transport; readonly rules: WebhookRules };

/** Who an answer is for, and what the answer has to warn of. */
export interface Admitted {
  readonly caller: Caller;
  readonly warnings: readonly string[];
}

/** Frozen: the same labels again and again are cheap to count by. */
const serverAudience = 'https://kubernetes.default.svc';
const noKeys: TokenSigning = {
  issuer: serverAudience,
  audiences: [serverAudience],
  keyId: '',
  publicKeys: [],
  isBelieved: () => true,
};

const always = {
  AlwaysAllow: { name: 'AlwaysAllow', authorize: () => ({ verdict: 'allow' }) },
  AlwaysDeny: { name: 'AlwaysDeny', authorize: () => ({ verdict: 'none', reason: 'Everything is forbidden.' }) },
} as const satisfies Readonly<Record<string, Authorizer>>;

/** What a create needs that keeps nothing. */
export interface Creating {
  readonly caller: Caller;
  readonly plugins: readonly AdmissionPlugin[];
  readonly fields: FieldTracker;
}

/** Everything between a request and the right to be served: who asks, as whom, and whether they may. */
export class Access {
  readonly authorization: Authorization;
  /** Plugins that belong to roles and tokens. */
  readonly plugins: readonly AdmissionPlugin[];
  readonly legacyTokens: LegacyTokens;
  readonly #authentication: Authentication;
  readonly #impersonation: Impersonation;
  readonly #reviews: Reviews;
  readonly #signing: TokenSigning;
  readonly #tokens: ServiceAccountTokens;
  readonly #env: Env;
  readonly #figures: AccessFigures;
  readonly #store: Store;
  #tokenRequests: TokenRequests | undefined;

  constructor(env: Env, store: Store, options: AccessOptions) {
    this.#env = env;
    this.#figures = new AccessFigures(env.metrics);
    this.#store = store;
    this.#signing = options.signing ?? noKeys;
    const rbac = new Rbac(store);
    const node = new NodeAuthorizer(store, nodeRules());
    const { authorizers = [], authorizerChoices, authentication } = options;
    const parts = new PartRights(rbac);
    const order = () => [masters, linkRights, ...this.#chosen(options, { node, rbac }), parts, ...authorizers];
    this.authorization = new Authorization(order());
    authorizerChoices?.follow(() => this.authorization.replace(order()));
    this.#tokens = new ServiceAccountTokens(env, store, this.#signing);
    const { audiences } = this.#signing;
    const anonymous = authentication?.now.anonymous;
    this.#authentication = new Authentication(this.#tokenKinds(options), {
      audiences,
      ...(anonymous ? { anonymous } : {}),
    });
    authentication?.follow((rules) => this.#authentication.replace(this.#tokenKinds(options), rules.anonymous));
    this.#impersonation = new Impersonation(this.authorization);
    this.#reviews = new Reviews({ authentication: this.#authentication, authorization: this.authorization, rbac });
    this.plugins = [
      new NodeRestriction(store),
      new CreateRight(this.authorization),
      new RoleEscalation(rbac, this.authorization),
    ];
    this.legacyTokens = new LegacyTokens(env, store, this.#tokens);
  }

  #chosen(
    { authorizationWebhook: transport, authorizerChoices }: AccessOptions,
    { node, rbac }: { readonly node: NodeAuthorizer; readonly rbac: Rbac },
  ): readonly Authorizer[] {
    const { clock } = this.#env;
    if (!authorizerChoices) return [node, rbac, ...(transport ? [new WebhookAuthorizer({ transport, clock })] : [])];
    const plain: Readonly<Record<PlainType, Authorizer>> = { Node: node, RBAC: rbac, ...always };
    return authorizerChoices.now.map((choice) =>
      choice.type === 'Webhook'
        ? new WebhookAuthorizer({ transport: choice.transport, rules: choice.rules, clock })
        : plain[choice.type],
    );
  }

  #tokenKinds({ staticTokens, authentication, issuerKeys, tokenWebhook }: AccessOptions): readonly TokenKind[] {
    const { audiences } = this.#signing;
    const issuers = issuerKeys ? (authentication?.now.issuers ?? []) : [];
    return [
      ...(staticTokens === undefined ? [] : [new StaticTokens(staticTokens, audiences)]),
      this.#tokens,
      new BootstrapTokens(this.#env, this.#store, audiences),
      ...issuers.map(
        (rules) =>
          new OidcTokens(this.#env.clock, rules, { keys: issuerKeys as IssuerKeys, serverAudiences: audiences }),
      ),
      ...(tokenWebhook ? [new WebhookTokens({ transport: tokenWebhook, clock: this.#env.clock })] : []),
    ];
  }

  /** Throws 401 or 403. Answers at once where nothing has to be waited for. */
  admit(request: ApiRequest, started: Millis): Admitted | Promise<Admitted> {
    const { clock } = this.#env;
    const refused = (error: unknown) => this.#refused(request, error, clock.monotonic() - started);
    try {
      const known = this.#authentication.authenticate(request);
      if (!(known instanceof Promise)) {
        const admitted = this.#permitted(request, known, started);
        return admitted instanceof Promise ? admitted.catch(refused) : admitted;
      }
      return known.then((done) => this.#permitted(request, done, started)).catch(refused);
    } catch (error) {
      return refused(error);
    }
  }

  /** Whether somebody who is known may go on. */
  #permitted(request: ApiRequest, known: Admitted, started: Millis): Admitted | Promise<Admitted> {
    const from = this.#env.clock.monotonic();
    this.#figures.authenticated(known.caller.name, from - started);
    const admitted = this.#authorized(request, known);
    if (!(admitted instanceof Promise)) {
      this.#figures.allowed(this.#env.clock.monotonic() - from);
      return admitted;
    }
    return admitted.then((done) => {
      this.#figures.allowed(this.#env.clock.monotonic() - from);
      return done;
    });
  }

  #refused(request: ApiRequest, error: unknown, tookMs: Millis): never {
    if (error instanceof ApiError) {
      const { method, path } = request;
      const unknown = error.reason === 'Unauthorized';
      if (unknown) this.#figures.unknown(tookMs);
      else this.#figures.denied(tookMs);
      const told = { method, path, code: error.code, message: error.message };
      // Such a caller who brings no token is a part of the cluster: that it asks in vain is a mistake of ours.
      if (request.caller && isPart(request.caller)) this.#env.log.error('a part asks for what it may not', told);
    }
    throw error;
  }

  #authorized(request: ApiRequest, known: Admitted): Admitted | Promise<Admitted> {
    const asked = attributesOf(request, known.caller);
    const wanted = this.#impersonation.wanted(request);
    if (wanted) return this.#impersonated(asked, known, wanted);
    const wait = this.authorization.require(asked);
    return wait ? wait.then(() => known) : known;
  }

  async #impersonated(
    asked: Attributes,
    known: Admitted,
    wanted: Parameters<Impersonation['become']>[0],
  ): Promise<Admitted> {
    const caller = await this.#impersonation.become(wanted, asked);
    await this.authorization.require({ ...asked, caller });
    return { ...known, caller };
  }

  /** Token requests and reviews: creates that store nothing. Undefined for everything else. */
  answer(request: ApiRequest, route: ResourceRoute, by: Creating): Promise<ApiResponse> | undefined {
    if (this.#reviews.serves(route)) return this.#reviews.handle(request, route, by);
    this.#tokenRequests ??= new TokenRequests({
      env: this.#env,
      store: this.#store,
      tokens: this.#tokens,
      audiences: this.#signing.audiences,
    });
    return this.#tokenRequests.serves(route) ? this.#tokenRequests.handle(request, route, by) : undefined;
  }

  document(path: string, accept: string, address: string): ApiResponse | undefined {
    return issuerDocument(path, accept, { signing: this.#signing, address });
  }
}
