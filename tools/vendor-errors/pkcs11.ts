import { asReturnValue } from '../../src/kms/pkcs11/cryptoki.ts';
import { FINDINGS, type FindingName, RETURN_VALUES } from '../../src/kms/pkcs11/error-table.ts';
import { keysideError, troubleError } from '../../src/kms/pkcs11/errors.ts';
import { faultOf } from '../../src/kms/pkcs11/found-fault.ts';
import { ProcessTrouble } from '../../src/kms/pkcs11/process-trouble.ts';
import { CONFIRMED, KEY_CONFIGURATION, thrown, type VendorError, type VendorVerdict } from './vendor-error.ts';

const VENDOR_DEFINED = 0x8000_0000;

/** What is seen where the module's process finds each. */
const SEEN: Readonly<Record<FindingName, string>> = {
  'sdk-missing': "Cannot find package 'graphene-pk11'",
  'module-unloadable': 'libCryptoki2_64.so: cannot open shared object file: No such file or directory',
  'token-absent': 'C_GetSlotList lists no token of this label, serial or slot',
  'token-ambiguous': 'C_GetTokenInfo gives two tokens the same label',
  'token-taken': 'two configurations name one token, with two PIN files',
  'pin-last-try': 'C_GetTokenInfo has the flag CKF_USER_PIN_FINAL_TRY',
  'login-required': 'C_GetSessionInfo shows that nobody is logged in',
  'key-absent': 'C_FindObjects finds nothing',
  'key-ambiguous': 'C_FindObjects finds two keys',
  'key-only-opens': 'C_GetAttributeValue: CKA_ENCRYPT is false, CKA_DECRYPT is true',
  'context-unbound': 'C_Decrypt opens a wrap without its additional data',
  'odd-length': 'C_Encrypt returns 45 bytes where 60 are due',
  'weak-rsa': 'C_GetAttributeValue: CKA_MODULUS has 1,024 bits',
  fault: 'TypeError: Cannot read properties of undefined',
};

export function pkcs11Errors(): readonly VendorError[] {
  const values = [...RETURN_VALUES].map(([code, { name, reason, says }]): VendorError => {
    // pkcs11js has the standard's names, and one for all vendors' values.
    const word = code < VENDOR_DEFINED ? name : 'CKR_VENDOR_DEFINED';
    const sample = `${word}:${code}`;
    const toldBy = `${name} (0x${code.toString(16)})`;
    return {
      place: 'The module, by return value',
      toldBy,
      sample,
      reason,
      says,
      code: name,
      read: () => read(thrown(sample, { code })),
    };
  });
  const findings = (Object.keys(FINDINGS) as FindingName[]).map((finding): VendorError => {
    const { reason, says } = FINDINGS[finding];
    const read_ = () => ({ error: keysideError(KEY_CONFIGURATION, 'open', { finding }) });
    return { place: "What the module's process finds", toldBy: finding, sample: SEEN[finding], reason, says, read: read_ };
  });
  return [...values, ...findings, ...others()];
}

function others(): readonly VendorError[] {
  const unknown = thrown('CKR_VENDOR_DEFINED:2147522969', { code: 0x8000_9999 });
  const trouble = (sample: string, reason: VendorError['reason'], error: ProcessTrouble): VendorError => ({
    place: 'A process without an answer',
    toldBy: error.kind,
    sample,
    reason,
    read: () => ({ error: troubleError(KEY_CONFIGURATION, error) }),
  });
  return [
    {
      place: 'The module, by return value',
      toldBy: 'any other value',
      sample: unknown.message,
      reason: 'KMS_UNAVAILABLE',
      read: () => read(unknown),
    },
    trouble('the process exits with SIGSEGV', 'KMS_UNAVAILABLE', new ProcessTrouble('ended')),
    trouble('no frame from the process for 2,500 ms', 'KMS_TIMEOUT', new ProcessTrouble('silent', { ms: 2_500 })),
    trouble('a call 400 ms before the next start', 'KMS_UNAVAILABLE', new ProcessTrouble('resting', { ms: 400 })),
  ];
}

function read(cause: Error): VendorVerdict {
  const fault = faultOf(asReturnValue(cause));
  const error = keysideError(KEY_CONFIGURATION, 'open', fault);
  if ('finding' in fault) return { error };
  const forbidden = keysideError(KEY_CONFIGURATION, 'open', { ...fault, isPermitted: false }).reason;
  if (forbidden !== error.reason) return { error, unless: { reason: forbidden, when: CONFIRMED } };
  const beside = keysideError(KEY_CONFIGURATION, 'open', { ...fault, works: true }).reason;
  return {
    error,
    unless: beside === error.reason ? undefined : { reason: beside, when: 'unwrapping, and a wrap made this moment opens' },
  };
}
