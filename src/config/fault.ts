/** One thing wrong in a configuration file, and where. Never repeats a value: it might be a secret in the wrong place. */
export interface ConfigurationFault {
  /** The file as the configuration names it. */
  readonly file: string;
  /** From 1; undefined where the file as a whole is at fault. */
  readonly line: number | undefined;
  /** From 1, in UTF-16 code units. */
  readonly column: number | undefined;
  /** Such as `tenants.acme.keys[0].provider`; empty for the file as a whole. */
  readonly path: string;
  /** In words: lower case, no full stop. */
  readonly message: string;
}

/** Where a path leads: map keys and list indexes. */
export type FaultPath = readonly (string | number)[];

/** A configuration that is refused as a whole. Its message is all faults, one a line. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  /** At least one. */
  readonly faults: readonly ConfigurationFault[];

  constructor(faults: readonly ConfigurationFault[]) {
    super(renderFaults(faults));
    this.faults = faults;
  }
}

/** A fault of a file as a whole. */
export function fileFault(file: string, message: string): ConfigurationFault {
  return { file, line: undefined, column: undefined, path: '', message };
}

/** One line for each fault, as `file:line:column: path: message`, in the order of file and line. */
export function renderFaults(faults: readonly ConfigurationFault[]): string {
  return faults.toSorted(inReadingOrder).map(renderFault).join('\n');
}

function renderFault(fault: ConfigurationFault): string {
  const position = fault.line === undefined ? '' : `:${fault.line}:${fault.column}`;
  const path = fault.path === '' ? '' : `${fault.path}: `;
  return `${fault.file}${position}: ${path}${fault.message}`;
}

function inReadingOrder(a: ConfigurationFault, b: ConfigurationFault): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** The path in text: plain names after dots, other names quoted in brackets. */
export function renderPath(path: FaultPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}
