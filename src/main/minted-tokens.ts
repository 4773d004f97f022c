import { randomBytes } from 'node:crypto';
import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { CallerConfig } from '../config/caller-config.ts';
import type { Logger } from '../telemetry/logger.ts';

const TOKEN_BYTES = 32;
/** The folder is the caller's alone and gives its group (setgid); nobody else has a use for it. */
const TOKEN_MODE = 0o440;

/**
 * Makes a token for each caller whose token is the daemon's to make, and puts it where the caller reads it: 32 random bytes in
 * base64url. A token of an earlier start is replaced at once and whole; it is good for nothing any more.
 * @throws {Error} naming the file that cannot be written; its folder must be there
 */
export function mintTokens(callers: readonly CallerConfig[], logger: Logger): void {
  for (const { id, tokenFile } of callers.filter(({ isMinted }) => isMinted)) {
    mint(tokenFile);
    logger.log('info', 'caller token minted', { callerId: id, file: tokenFile });
  }
}

function mint(file: string): void {
  const unfinished = `${file}.new`;
  try {
    rmSync(unfinished, { force: true });
    writeFileSync(unfinished, `${randomBytes(TOKEN_BYTES).toString('base64url')}\n`, { mode: 0o400, flag: 'wx' });
    chmodSync(unfinished, TOKEN_MODE);
    renameSync(unfinished, file);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : cause;
    throw new Error(`the token file ${file} cannot be written: ${code}`, { cause });
  }
}
