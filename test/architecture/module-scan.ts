import { parseSync } from 'oxc-parser';

export interface ModuleImport {
  readonly specifier: string;
  readonly line: number;
  readonly typesOnly: boolean;
  /** The names taken from the module; `*` for a namespace or a whole module. */
  readonly names: readonly string[];
}

export interface ScannedModule {
  readonly imports: readonly ModuleImport[];
  /** What the file does beyond importing that a rule may forbid. */
  readonly findings: readonly { readonly line: number; readonly what: Finding }[];
  readonly lines: number;
}

export type Finding =
  | 'default export'
  | 're-exports only'
  | 'import computed at run time'
  | 'require'
  | 'process.env'
  | 'signal handler'
  | 'WebCrypto';

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}

/** Parses a TypeScript module. @throws {Error} where the source does not parse: an unread file must not pass. */
export function scanModule(path: string, source: string): ScannedModule {
  const { program, errors } = parseSync(path, source);
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0]?.message}`);
  const imports: ModuleImport[] = [];
  const findings: { line: number; what: Finding }[] = [];
  const lineAt = (offset: number): number => source.slice(0, offset).split('\n').length;
  visit(program as unknown as Node, (node) => {
    const imported = importOf(node);
    if (imported !== undefined) imports.push({ ...imported, line: lineAt(node.start) });
    const what = findingOf(node);
    if (what !== undefined) findings.push({ line: lineAt(node.start), what });
  });
  const body = (program as unknown as { body: readonly Node[] }).body;
  if (isBarrel(body)) findings.push({ line: 1, what: 're-exports only' });
  return { imports, findings, lines: source.replace(/\n$/, '').split('\n').length };
}

function visit(value: unknown, see: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, see);
  } else if (value !== null && typeof value === 'object') {
    if (typeof (value as Node).type === 'string') see(value as Node);
    for (const field of Object.values(value)) visit(field, see);
  }
}

type UnplacedImport = Omit<ModuleImport, 'line'>;

function importOf(node: Node): UnplacedImport | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return declaredImport(node);
    case 'ImportExpression':
      return wholeModule(text(node.source), false);
    case 'TSImportType':
      return wholeModule(text(node.source) ?? text(node.argument), true);
    case 'TSExternalModuleReference':
      return wholeModule(text(node.expression), false);
    case 'NewExpression':
      return moduleUrl(node);
    default:
      return undefined;
  }
}

function declaredImport(node: Node): UnplacedImport | undefined {
  const specifier = text(node.source);
  if (specifier === undefined) return undefined;
  const specifiers = (node.specifiers ?? []) as readonly Node[];
  const isType = (kind: unknown): boolean => kind === 'type';
  const typesOnly =
    isType(node.importKind) ||
    isType(node.exportKind) ||
    (specifiers.length > 0 && specifiers.every((each) => isType(each.importKind) || isType(each.exportKind)));
  return { specifier, typesOnly, names: specifiers.length === 0 ? ['*'] : specifiers.map(takenName) };
}

/** The name a specifier takes from the module it names. */
function takenName(specifier: Node): string {
  if (specifier.type === 'ImportNamespaceSpecifier' || specifier.type === 'ImportDefaultSpecifier') return '*';
  const taken = (specifier.imported ?? specifier.local) as { readonly name?: string; readonly value?: string };
  return taken.name ?? taken.value ?? '*';
}

/** `new URL('./worker.ts', import.meta.url)` names a module as surely as an import does. */
function moduleUrl(node: Node): UnplacedImport | undefined {
  const [target, base] = node.arguments as readonly Node[];
  if (nameOf(node.callee) !== 'URL' || base === undefined || memberOf(base)?.property !== 'url') return undefined;
  const specifier = text(target);
  return specifier !== undefined && /\.[cm]?[jt]s$/.test(specifier) ? wholeModule(specifier, false) : undefined;
}

function wholeModule(specifier: string | undefined, typesOnly: boolean): UnplacedImport | undefined {
  return specifier === undefined ? undefined : { specifier, typesOnly, names: ['*'] };
}

function findingOf(node: Node): Finding | undefined {
  switch (node.type) {
    case 'ExportDefaultDeclaration':
      return 'default export';
    case 'ExportSpecifier':
      return (nameOf(node.exported) ?? text(node.exported)) === 'default' ? 'default export' : undefined;
    case 'ImportExpression':
      return text(node.source) === undefined ? 'import computed at run time' : undefined;
    case 'CallExpression':
      return callFinding(node);
    case 'MemberExpression':
      return memberFinding(node);
    default:
      return undefined;
  }
}

function callFinding(node: Node): Finding | undefined {
  const callee = node.callee as Node;
  if (nameOf(callee) === 'createRequire') return 'require';
  const member = memberOf(callee);
  const subscribes = ['on', 'once', 'addListener', 'prependListener'].includes(member?.property ?? '');
  return member?.object === 'process' && subscribes ? 'signal handler' : undefined;
}

function memberFinding(node: Node): Finding | undefined {
  const member = memberOf(node);
  if (member?.object === 'process' && member.property === 'env') return 'process.env';
  return member?.property === 'subtle' || member?.property === 'getRandomValues' ? 'WebCrypto' : undefined;
}

function memberOf(node: Node): { object: string | undefined; property: string | undefined } | undefined {
  if (node.type !== 'MemberExpression') return undefined;
  const property = node.computed === true ? text(node.property) : nameOf(node.property);
  return { object: nameOf(node.object), property };
}

function isBarrel(body: readonly Node[]): boolean {
  const passesOn = (node: Node): boolean =>
    node.type === 'ExportAllDeclaration' || (node.type === 'ExportNamedDeclaration' && !node.declaration);
  return body.some(passesOn) && body.every((node) => passesOn(node) || node.type === 'ImportDeclaration');
}

function nameOf(node: unknown): string | undefined {
  const named = node as { readonly type?: string; readonly name?: string; readonly value?: unknown } | null | undefined;
  return named?.type === 'Identifier' ? named.name : undefined;
}

function text(node: unknown): string | undefined {
  const literal = node as { readonly type?: string; readonly value?: unknown } | null | undefined;
  return literal?.type === 'Literal' && typeof literal.value === 'string' ? literal.value : undefined;
}
