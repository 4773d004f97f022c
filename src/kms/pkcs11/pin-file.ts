import { Buffer } from 'node:buffer';
import { open } from 'node:fs/promises';
import { KeysideError } from '../../core/errors.ts';
import { SecretBytes } from '../../core/secret-bytes.ts';

const MAX_PIN_BYTES = 1_024;

export interface Pin {
  /** The caller's to wipe. */
  readonly pin: SecretBytes;
  /** Another one whenever the file was written or replaced. */
  readonly stamp: string;
}

/**
 * The PIN that a file holds, without the line end that editors put there. Links are followed: Kubernetes mounts secrets behind some.
 * @throws {KeysideError} KEY_MISCONFIGURED
 */
export async function readPin(id: string, file: string): Promise<Pin> {
  try {
    await using handle = await open(file, 'r');
    const { ino, size, mtimeMs, ctimeMs } = await handle.stat();
    if (size > MAX_PIN_BYTES) throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: ${file} is too large for a PIN`);
    const bytes = Buffer.alloc(MAX_PIN_BYTES);
    const { bytesRead } = await handle.read(bytes, 0, MAX_PIN_BYTES, 0);
    const pin = SecretBytes.copyOf(withoutLineEnd(bytes.subarray(0, bytesRead)));
    bytes.fill(0);
    if (pin.length === 0) throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: ${file} holds no PIN`);
    return { pin, stamp: `${ino} ${size} ${mtimeMs} ${ctimeMs}` };
  } catch (cause) {
    if (cause instanceof KeysideError) throw cause;
    throw new KeysideError('KEY_MISCONFIGURED', `key ${id}: the PIN file ${file} cannot be read`, { cause });
  }
}

function withoutLineEnd(bytes: Buffer): Buffer {
  const length = bytes.length - (bytes.at(-1) === 0x0a ? 1 : 0);
  return bytes.subarray(0, length - (bytes.at(length - 1) === 0x0d ? 1 : 0));
}

/**
 * PINs that an HSM refused. They are not tried again until their file changes: an HSM locks its user, or erases itself, after a few
 * wrong ones. Forgotten with the daemon: each start may try once.
 */
export class RefusedPins {
  readonly #stamps = new Map<string, string>();

  isRefused(token: string, stamp: string): boolean {
    return this.#stamps.get(token) === stamp;
  }

  refuse(token: string, stamp: string): void {
    this.#stamps.set(token, stamp);
  }

  forget(token: string): void {
    this.#stamps.delete(token);
  }
}
