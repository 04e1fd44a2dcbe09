import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  isBindingElement,
  isCallExpression,
  isFunctionLikeDeclaration,
  isIdentifier,
  isNewExpression,
  isNoSubstitutionTemplateLiteral,
  isPropertyAccessExpression,
  isStringLiteral,
  type Node,
  type SourceFile,
  SyntaxKind,
} from 'typescript/unstable/ast';
import { API } from 'typescript/unstable/sync';

/** What the rules ask about one file, and nothing else of its syntax tree. */
export interface ParsedFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** Modules named by import, export ... from and import(). */
  readonly imports: readonly Mention[];
  /** Every string that looks like a file beside this one: workers and assets are started by such names. */
  readonly fileStrings: readonly string[];
  /** Global names used as values or types: not members, not keys, not what the file declares itself. */
  readonly globals: readonly Mention[];
  /** `Date.now`, and also the bare method name of every member: `.localeCompare`. */
  readonly members: readonly Mention[];
  /** `new Date()` without an argument, and `Date()`: both read the clock. */
  readonly clockReads: readonly Mention[];
  readonly functions: readonly FunctionSize[];
}
export interface Mention {
  readonly name: string;
  readonly line: number;
}
export interface FunctionSize {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
  /** Without the functions inside it: a suite of tests is a list, not one long function. */
  readonly ownLines: number;
  readonly parameters: number;
}

/** Parses with TypeScript's own parser (unstable/*: its version is pinned). Nothing is resolved or checked. */
export function parseFiles(root: string, paths: readonly string[]): ParsedFile[] {
  const config = join(root, 'tidy.virtual.tsconfig.json');
  const options = { noLib: true, noResolve: true, types: [], target: 'esnext', module: 'esnext' };
  const content = JSON.stringify({ compilerOptions: options, files: paths.map((path) => join(root, path)) });
  const api = new API({
    cwd: root,
    fs: {
      readFile: (file) => (file === config ? content : undefined),
      fileExists: (file) => (file === config ? true : undefined),
    },
  });
  try {
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    return paths.map((path) => {
      const source = project?.program.getSourceFile(join(root, path));
      if (source === undefined) throw new Error(`TypeScript did not parse ${path}`);
      return readTree(path, readFileSync(join(root, path), 'utf8'), source);
    });
  } finally {
    api.close();
  }
}

function readTree(path: string, text: string, source: SourceFile): ParsedFile {
  const lineStarts = startsOfLines(text);
  const lineOf = (position: number): number => lineAt(lineStarts, position);
  const found = {
    imports: [] as Mention[],
    fileStrings: [] as string[],
    names: [] as Mention[],
    members: [] as Mention[],
    clockReads: [] as Mention[],
    functions: [] as FunctionSize[],
  };
  const declared = new Set<string>();
  const visit = (node: Node): void => {
    const line = lineOf(node.getStart(source));
    if (isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node)) {
      if (namesModule(node)) found.imports.push({ name: node.text, line });
      else if (/^\.{0,2}\/?[\w./-]+\.(ts|js)$/.test(node.text)) found.fileStrings.push(node.text);
    } else if (isIdentifier(node)) {
      if (isDeclaredHere(node)) declared.add(node.text);
      else if (!isOnlyAName(node)) found.names.push({ name: node.text, line });
    } else if (isPropertyAccessExpression(node)) {
      found.members.push({ name: `.${node.name.text}`, line });
      if (isIdentifier(node.expression))
        found.members.push({ name: `${node.expression.text}.${node.name.text}`, line });
    } else if (readsClock(node)) {
      found.clockReads.push({ name: 'Date', line });
    }
    if (isFunctionLikeDeclaration(node)) found.functions.push(sizeOf(node, source, lineOf));
    node.forEachChild(visit);
  };
  source.forEachChild(visit);
  const globals = found.names.filter(({ name }) => !declared.has(name));
  const { imports, fileStrings, members, clockReads, functions } = found;
  return { path, text, imports, fileStrings, globals, members, clockReads, functions };
}

function namesModule(node: Node): boolean {
  const parent = node.parent;
  if (parent.kind === SyntaxKind.ImportDeclaration || parent.kind === SyntaxKind.ExportDeclaration) return true;
  if (parent.kind === SyntaxKind.LiteralType) return parent.parent.kind === SyntaxKind.ImportType;
  return isCallExpression(parent) && parent.expression.kind === SyntaxKind.ImportKeyword;
}

/** The name of a variable, parameter, function, class, type or import: whatever it hides is not the global one. */
function isDeclaredHere(node: Node): boolean {
  const parent = node.parent as Node & { readonly name?: Node };
  if (parent.name !== node) return false;
  return declarations.has(parent.kind) || isBindingElement(parent);
}

const declarations: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.VariableDeclaration,
  SyntaxKind.Parameter,
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.ClassDeclaration,
  SyntaxKind.InterfaceDeclaration,
  SyntaxKind.TypeAliasDeclaration,
  SyntaxKind.TypeParameter,
  SyntaxKind.ImportClause,
  SyntaxKind.ImportSpecifier,
  SyntaxKind.NamespaceImport,
]);

/** A key or a member: `process` in `{ process: 1 }` and in `pod.process` is not the global one. */
function isOnlyAName(node: Node): boolean {
  const parent = node.parent as Node & { readonly name?: Node; readonly propertyName?: Node; readonly right?: Node };
  if (parent.kind === SyntaxKind.ShorthandPropertyAssignment) return false;
  if (parent.kind === SyntaxKind.QualifiedName) return parent.right === node;
  return parent.name === node || parent.propertyName === node;
}

function readsClock(node: Node): boolean {
  if (!isNewExpression(node) && !isCallExpression(node)) return false;
  if (!isIdentifier(node.expression) || node.expression.text !== 'Date') return false;
  return isCallExpression(node) || (node.arguments?.length ?? 0) === 0;
}

function sizeOf(node: Node, source: SourceFile, lineOf: (position: number) => number): FunctionSize {
  const parts = node as Node & { readonly name?: Node; readonly parameters?: readonly Node[] };
  const holder = node.parent as Node & { readonly name?: Node };
  const name = parts.name ?? holder.name;
  const line = lineOf(node.getStart(source));
  const lines = lineOf(node.end) - line + 1;
  let inner = 0;
  const visit = (child: Node): void => {
    if (!isFunctionLikeDeclaration(child)) return void child.forEachChild(visit);
    inner += Math.max(0, lineOf(child.end) - lineOf(child.getStart(source)) - 1);
  };
  node.forEachChild(visit);
  const label = name !== undefined && isIdentifier(name) ? name.text : 'a function';
  return { name: label, line, lines, ownLines: lines - inner, parameters: parts.parameters?.length ?? 0 };
}

function startsOfLines(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: readonly number[], position: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= position) low = middle;
    else high = middle;
  }
  return low + 1;
}
