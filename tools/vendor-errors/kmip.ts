import { CONNECTION_ERRORS, KMIP_RESULTS } from '../../src/kms/kmip/error-table.ts';
import { failureOf, keysideError } from '../../src/kms/kmip/errors.ts';
import { KmipRefusal } from '../../src/kms/kmip/messages.ts';
import { MalformedTtlv } from '../../src/kms/kmip/ttlv.ts';
import { KEY_CONFIGURATION, SYSTEM_SAMPLES, systemError, type VendorError, type VendorVerdict } from './vendor-error.ts';

const OPERATION_FAILED = 1;

/** What the provider makes of a Decrypt's failure (`ofDecrypt`). */
const OF_DECRYPT = {
  rejected: { reason: 'CIPHERTEXT_REJECTED', when: 'it is a Decrypt that fails' },
  unclear: { reason: 'CIPHERTEXT_REJECTED', when: 'it is a Decrypt that fails, and a wrap made this moment opens' },
} as const;

export function kmipErrors(): readonly VendorError[] {
  const results = [...KMIP_RESULTS].map(([number, { name, reason, says, sample }]): VendorError => {
    const toldBy = `${name} (0x${number.toString(16)})`;
    const error = new KmipRefusal(OPERATION_FAILED, number, sample);
    return { place: 'The server, by result reason', toldBy, sample, reason, says, code: name, read: () => read(error) };
  });
  const connections = CONNECTION_ERRORS.flatMap(({ reason, says, samples }) =>
    samples.map((code): VendorError => {
      const sample = SYSTEM_SAMPLES[code] ?? '';
      const error = systemError(code, sample);
      return { place: 'TLS and network, by code', toldBy: code, sample, reason, says, code, read: () => read(error) };
    }),
  );
  return [...results, ...connections, ...others()];
}

function others(): readonly VendorError[] {
  const place = 'What has no reason of its own';
  const unknown = 0x8000_0001;
  const line = (toldBy: string, sample: string, error: Error): VendorError => ({
    place,
    toldBy,
    sample,
    reason: 'KMS_UNAVAILABLE',
    read: () => read(error),
  });
  return [
    line('a result reason of the vendor’s own', '0x80000001: refused', new KmipRefusal(OPERATION_FAILED, unknown, 'refused')),
    line('no result reason', 'result status 1', new KmipRefusal(OPERATION_FAILED, undefined, '')),
    line('an answer that is not KMIP', 'HTTP/1.1 400 Bad Request', new MalformedTtlv('not TTLV')),
  ];
}

function read(error: Error): VendorVerdict {
  const failure = failureOf(error);
  return {
    error: keysideError(KEY_CONFIGURATION, failure, error),
    unless: failure.ofDecrypt === undefined ? undefined : OF_DECRYPT[failure.ofDecrypt],
  };
}
