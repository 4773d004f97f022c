import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Receiver } from './receiver.ts';

/** What sinks of kind webhook need on the disk, and their entries in a configuration. */
export class WebhookFiles {
  readonly #secret: string;

  constructor(folder: string) {
    this.#secret = join(folder, 'webhook-secret');
    writeFileSync(this.#secret, `whsec_${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  }

  /** An entry of `sinks`. */
  sink(name: string, receiver: Receiver): string {
    return `{ name: ${name}, kind: webhook, webhook: { url: "${receiver.url}", secretFile: "${this.#secret}" } }`;
  }
}
