import { encodeContext } from '../../../src/core/encryption-context.ts';
import { parseKeyConfigurationId, parseTenantId } from '../../../src/core/ids.ts';
import { SecretBytes } from '../../../src/core/secret-bytes.ts';
import { derive } from '../../../src/envelope/derive.ts';
import { encodeHeader, type Header, type HeaderKind, parseHeader } from '../../../src/envelope/header.ts';
import { encodeKeyBlock } from '../../../src/envelope/key-block.ts';
import { bothCiphers } from '../../fakes/both-ciphers.ts';

/** One tenant's parts of a document, the same in every test. */

export const cipher = bothCiphers();
export const context = encodeContext({ tenantId: parseTenantId('acme'), dataLabel: 'label', pairs: new Map([['row', '7']]) });
export const keyBlock = encodeKeyBlock([
  {
    provider: 1,
    algorithm: 5,
    configurationId: parseKeyConfigurationId('acme-primary'),
    keyVersion: '1',
    share: 0,
    shareCount: 0,
    ciphertext: Buffer.from('wrapped'),
  },
]);
export const dataKey = (): SecretBytes => SecretBytes.own(Buffer.alloc(32, 0x64));

/** A header under the sample's data key and context, with its true commitment. */
export function sampleHeader(kind: HeaderKind): Header {
  const salt = Buffer.alloc(24, 3);
  const { commitment } = derive(cipher, dataKey(), { kind, salt, context });
  return parseHeader(encodeHeader({ kind, dataLabel: 'label', salt, commitment, keyBlock }));
}
