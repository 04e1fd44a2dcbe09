import type { Caller } from '../../api/wire.ts';
import { forServer, sameSecret, type TokenAnswer, type TokenKind } from './tokens.ts';

/** Tokens out of a file, one a line: token,user,uid and, in quotes, groups. For tests and for the very first start. */
export class StaticTokens implements TokenKind {
  readonly name = 'StaticToken';
  readonly #callers: readonly (readonly [token: string, caller: Caller])[];
  readonly #audiences: readonly string[];

  constructor(file: string, audiences: readonly string[]) {
    this.#callers = file.split('\n').flatMap(lineCaller);
    this.#audiences = audiences;
  }

  verify(token: string, audiences: readonly string[]): TokenAnswer {
    const found = this.#callers.find(([known]) => sameSecret(known, token));
    return found && forServer(found[1], audiences, this.#audiences);
  }
}

const lineForm = /^([^,"]+),([^,"]+),([^,"]*)(?:,(?:"([^"]*)"|([^,"]*)))?$/;

function lineCaller(line: string, index: number): readonly (readonly [string, Caller])[] {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return [];
  const found = lineForm.exec(text);
  if (!found) throw new Error(`line ${index + 1} of the token file is not token,user,uid or token,user,uid,"groups"`);
  const [, token = '', name = '', uid = '', quoted, bare] = found;
  const groups = (quoted ?? bare ?? '')
    .split(',')
    .map((group) => group.trim())
    .filter(Boolean);
  return [[token.trim(), { name: name.trim(), groups, extra: {}, ...(uid ? { uid } : {}) }]];
}
