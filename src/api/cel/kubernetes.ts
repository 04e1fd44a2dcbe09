import { Environment } from './environment.ts';
import {
  authorization,
  authorizerType,
  decisionType,
  groupCheckType,
  pathCheckType,
  resourceCheckType,
} from './library/authorization.ts';
import { conversions } from './library/conversions.ts';
import { formatType, namedFormats } from './library/formats.ts';
import { listChanges } from './library/list-changes.ts';
import { lists, sets } from './library/lists.ts';
import { cidrType, ipType, network } from './library/network.ts';
import { operators } from './library/operators.ts';
import { optionals } from './library/optionals.ts';
import { quantities, quantityType } from './library/quantities.ts';
import { regex } from './library/regex.ts';
import { strings } from './library/strings.ts';
import { times } from './library/times.ts';
import { urls, urlType } from './library/urls.ts';
import { semverType, versions } from './library/versions.ts';

/** What every expression in Kubernetes may use, before its own variables. */
export const baseEnvironment: Environment = new Environment()
  .withFunctions(operators, conversions, times, strings, regex, optionals, lists, listChanges, sets)
  .withFunctions(urls, network, quantities, versions, namedFormats, authorization)
  .withTypes(urlType, ipType, cidrType, quantityType, semverType, formatType)
  .withTypes(authorizerType, pathCheckType, groupCheckType, resourceCheckType, decisionType);
