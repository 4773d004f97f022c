import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { SecretBytes } from '../../src/core/secret-bytes.ts';

/** Every secret that is made until the test ends, to see who wiped it. */
export class SecretWatch {
  readonly made: SecretBytes[] = [];

  constructor(t: TestContext) {
    const keep = (make: (bytes: Uint8Array) => SecretBytes) => (bytes: Uint8Array) => {
      const secret = make(bytes);
      this.made.push(secret);
      return secret;
    };
    const { own, copyOf } = SecretBytes;
    t.mock.method(SecretBytes, 'own', keep(own));
    t.mock.method(SecretBytes, 'copyOf', keep(copyOf));
  }

  get alive(): number {
    return this.made.filter((secret) => !secret.isWiped).length;
  }

  assertAllWiped(): void {
    assert.ok(this.made.length > 0, 'no secret was made');
    assert.equal(this.alive, 0, `${this.alive} of ${this.made.length} secrets were not wiped`);
  }
}
