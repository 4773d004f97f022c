import type { Cipher } from '../../../src/cipher/cipher.ts';
import { nativeCipher } from '../../../src/cipher/native-cipher.ts';
import { nodeCipher } from '../../../src/cipher/node-cipher.ts';

export interface NativeSetup {
  readonly cipher: Cipher | undefined;
  /** For `describe` and `it`: why they are skipped, or false. */
  readonly skip: string | false;
}

/** The native cipher where it was built: it is optional, and so are its tests. */
export function nativeSetup(): NativeSetup {
  try {
    return { cipher: nativeCipher(), skip: false };
  } catch (error) {
    return { cipher: undefined, skip: `skipped: ${(error as Error).message}; run \`npm run postinstall\`` };
  }
}

/** Both implementations, for tests that every one must pass; one that is not there comes with the reason. */
export function allCiphers(): readonly { readonly name: string; readonly cipher: Cipher; readonly skip: string | false }[] {
  const native = nativeSetup();
  return [
    { name: 'the cipher of Node', cipher: nodeCipher(), skip: false },
    // Where it is skipped the other stands in its place, and is not asked.
    { name: 'the native cipher', cipher: native.cipher ?? nodeCipher(), skip: native.skip },
  ];
}
