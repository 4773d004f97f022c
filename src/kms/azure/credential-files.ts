import { readFile, stat } from 'node:fs/promises';
import { AzureError } from './azure-kms.ts';

/** Something built on first use and kept until it is forgotten or its origin has changed. */
export interface Kept<Built> {
  current(): Promise<Built>;
  forget(): void;
}

/** The file's text without blanks around it. @throws {AzureError} where it cannot be read or is empty */
export async function textOf(file: string): Promise<string> {
  const text = (await readable(file, () => readFile(file, 'utf8'))).trim();
  if (text === '') throw new AzureError(`file ${file} is empty`, { from: 'here', code: 'EMPTY' });
  return text;
}

/** What `build` makes of the file's text; built anew when the file has changed, which costs one `stat` each time. */
export function keptPerFile<Built>(file: string, build: (text: string) => Built): Kept<Built> {
  let known: { readonly stamp: string; readonly built: Built } | undefined;
  return {
    async current() {
      const { ino, size, mtimeMs } = await readable(file, () => stat(file));
      const stamp = `${ino} ${size} ${mtimeMs}`;
      if (known?.stamp !== stamp) known = { stamp, built: build(await textOf(file)) };
      return known.built;
    },
    forget: () => {
      known = undefined;
    },
  };
}

export function kept<Built>(build: () => Built): Kept<Built> {
  let built: Built | undefined;
  return {
    async current() {
      built ??= build();
      return built;
    },
    forget: () => {
      built = undefined;
    },
  };
}

async function readable<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
    throw new AzureError(`file ${file} cannot be read`, { from: 'here', code });
  }
}
