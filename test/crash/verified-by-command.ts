import { keysideProgram, run } from '../integration/daemon-process.ts';

/** What `keyside audit verify` says of these files, with the trail's own key pinned. */
export async function verifiedByCommand(
  publicKeyFile: string,
  files: readonly string[],
): Promise<{ readonly isVerified: boolean; readonly words: string }> {
  const { code, stdout, stderr } = await run(process.execPath, [
    keysideProgram,
    'audit',
    'verify',
    '--trust',
    publicKeyFile,
    ...files,
  ]);
  const words = `${stdout}${stderr}`.split('\n').slice(0, 3).join(' ').trim();
  return { isVerified: code === 0 && stdout.startsWith('verified: '), words };
}
