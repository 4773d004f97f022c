import { LineCounter, type ParsedNode, parseDocument, type YAMLError } from 'yaml';
import { type ConfigurationFault, type FaultPath, fileFault, renderPath } from './fault.ts';
import { YamlPlain } from './yaml-plain.ts';

/** A YAML text as plain data that still knows where each part of it stands. */
export interface YamlSource {
  readonly file: string;
  /** Strings, numbers, booleans, null, arrays and objects; undefined where the text is not one YAML document. */
  readonly value: unknown;
  /** Broken syntax, keys given twice, forbidden keys, aliases that expand too far. */
  readonly faults: readonly ConfigurationFault[];
  /** A fault at the value that the path leads to, or at its nearest parent that exists. */
  faultAt(path: FaultPath, message: string): ConfigurationFault;
  /** The same, pointing at the key itself. */
  faultAtKey(path: FaultPath, message: string): ConfigurationFault;
}

/** Reads one document of YAML 1.2 (core schema: no merge keys, no tags of one's own). Never throws. */
export function readYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter();
  const at = (offset: number, path: FaultPath, message: string): ConfigurationFault => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col, path: renderPath(path), message };
  };
  const parsed = parse(text, lines);
  if ('thrown' in parsed) return withoutValue(file, [fileFault(file, 'is nested too deeply to be read')]);
  if (parsed.errors.length > 0) {
    const syntaxFaults = parsed.errors.map((error) => at(error.pos[0], [], words(error)));
    return withoutValue(file, onceALine(syntaxFaults));
  }
  if (parsed.contents === null) return withoutValue(file, [fileFault(file, 'is empty')]);
  const faults: ConfigurationFault[] = [];
  const plain = new YamlPlain(parsed.contents, (offset, path, message) => {
    faults.push(at(offset, path, message));
  });
  return {
    file,
    value: plain.value,
    faults,
    faultAt: (path, message) => at(plain.offsetOf(path), path, message),
    faultAtKey: (path, message) => at(plain.keyOffsetOf(path), path, message),
  };
}

interface Parsed {
  readonly contents: ParsedNode | null;
  readonly errors: readonly YAMLError[];
}

function parse(text: string, lineCounter: LineCounter): Parsed | { readonly thrown: unknown } {
  try {
    // Keys given twice are looked for by YamlPlain: the parser's own search takes quadratic time.
    const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false, version: '1.2' });
    return { contents: document.contents, errors: [...document.errors, ...document.warnings] };
  } catch (thrown) {
    return { thrown };
  }
}

/** For errors whose own words repeat text of the file, which could be a secret, or speak to programmers. */
const WORDS: Partial<Record<YAMLError['code'], string>> = {
  MULTIPLE_DOCS: 'begins a second document, a file holds one',
  TAG_RESOLVE_FAILED: 'has a tag that is not known',
  BAD_COLLECTION_TYPE: 'has a tag that does not fit it',
  BAD_DIRECTIVE: 'is no directive of YAML 1.2',
  BAD_DQ_ESCAPE: 'has an escape that is none in a quoted text',
};

/** The parser's words without the excerpt that some end in. */
function words(error: YAMLError): string {
  if (error.message.startsWith('Maximum call stack')) return 'is nested too deeply to be read';
  const own = WORDS[error.code];
  if (own !== undefined) return own;
  const message = error.message.replace(/: ".*$/s, '').split('\n', 1)[0] ?? '';
  return message.charAt(0).toLowerCase() + message.slice(1);
}

/** One unclosed bracket is reported for each bracket around it: the first says enough. */
function onceALine(faults: readonly ConfigurationFault[]): ConfigurationFault[] {
  const seen = new Set<string>();
  return faults.filter((fault) => {
    const key = `${fault.line} ${fault.message}`;
    return !seen.has(key) && seen.add(key);
  });
}

function withoutValue(file: string, faults: readonly ConfigurationFault[]): YamlSource {
  const faultAt = (path: FaultPath, message: string): ConfigurationFault => ({
    ...fileFault(file, message),
    path: renderPath(path),
  });
  return { file, value: undefined, faults, faultAt, faultAtKey: faultAt };
}
