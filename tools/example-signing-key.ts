import { Buffer } from 'node:buffer';
import { SigningKey } from '../src/audit/signing-key.ts';

/** The same for every run: it signs what is shown in the documentation, and nothing else. */
export function exampleSigningKey(): SigningKey {
  const seed = Buffer.from(Array.from({ length: 32 }, (_, at) => at));
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  return SigningKey.parse(`-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`);
}
