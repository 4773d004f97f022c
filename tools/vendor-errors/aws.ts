import type { AwsKeyFacts } from '../../src/kms/aws/aws-kms.ts';
import { AWS_ERRORS, KEY_STORE_ERRORS } from '../../src/kms/aws/error-table.ts';
import { failureOf, judge, keysideError } from '../../src/kms/aws/errors.ts';
import {
  CONFIRMED,
  KEY_CONFIGURATION,
  NETWORK_SAMPLES,
  systemError,
  thrown,
  type VendorError,
  type VendorVerdict,
} from './vendor-error.ts';

const FACTS: AwsKeyFacts = {
  arn: 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  state: 'Enabled',
  spec: 'SYMMETRIC_DEFAULT',
  usage: 'ENCRYPT_DECRYPT',
  origin: 'AWS_KMS',
  isInCustomKeyStore: false,
};

/** Raised by the SDK itself: there was no answer. */
const WITHOUT_ANSWER = new Set(['TimeoutError', 'CredentialsProviderError', 'TokenProviderError']);

export function awsErrors(): readonly VendorError[] {
  const named = [...AWS_ERRORS].map(([name, { reason, says, samples }]): VendorError => {
    const sample = samples[name] ?? '';
    const error = serviceError(name, sample, WITHOUT_ANSWER.has(name) ? undefined : 400);
    return { place: 'KMS, STS and the SDK, by name', toldBy: name, sample, reason, says, code: name, read: () => read(error) };
  });
  const stores = KEY_STORE_ERRORS.map(({ part, reason, says, sample }): VendorError => {
    const error = serviceError('KMSInvalidStateException', sample, 400);
    const place = 'KMSInvalidStateException of an enabled key in a custom key store, by its words';
    return { place, toldBy: `… ${part} …`, sample, reason, says, read: () => readInStore(error) };
  });
  return [...named, ...stores, ...others()];
}

function others(): readonly VendorError[] {
  const place = 'What has no name of its own';
  const answered = (status: number, sample: string, reason: VendorError['reason']): VendorError => {
    const error = serviceError('UnknownError', sample, status);
    return { place, toldBy: `HTTP ${status}`, sample, reason, read: () => read(error) };
  };
  const system = (code: string, sample: string, reason: VendorError['reason']): VendorError => {
    const error = systemError(code, sample);
    return { place, toldBy: code, sample, reason, read: () => read(error) };
  };
  return [
    answered(408, '<html>408 Request Time-out</html>', 'KMS_TIMEOUT'),
    answered(429, 'Too many requests', 'KMS_THROTTLED'),
    answered(503, '<html>Service Unavailable</html>', 'KMS_UNAVAILABLE'),
    answered(403, '<html>Forbidden by the proxy</html>', 'KEY_ACCESS_DENIED'),
    answered(400, 'UnknownOperationException', 'KEY_MISCONFIGURED'),
    answered(200, '<html>log in</html>', 'KMS_UNAVAILABLE'),
    ...Object.entries(NETWORK_SAMPLES).map(([code, sample]) => system(code, sample, 'KMS_UNAVAILABLE')),
    system('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', 'KEY_MISCONFIGURED'),
    system('EACCES', "EACCES: permission denied, open '/run/secrets/token'", 'KEY_MISCONFIGURED'),
  ];
}

function read(error: Error): VendorVerdict {
  const failure = failureOf(error);
  const confirmed = failure.isToConfirm ? judge(failure, error, { ...FACTS, state: 'Disabled' }).reason : undefined;
  return {
    error: keysideError(KEY_CONFIGURATION, failure, error),
    unless: confirmed === undefined ? undefined : { reason: confirmed, when: CONFIRMED },
  };
}

function readInStore(error: Error): VendorVerdict {
  const failure = judge(failureOf(error), error, { ...FACTS, isInCustomKeyStore: true });
  return { error: keysideError(KEY_CONFIGURATION, failure, error) };
}

/** As the SDK's ServiceException. */
function serviceError(name: string, message: string, status: number | undefined): Error {
  return thrown(message, status === undefined ? { name } : { name, $fault: 'client', $metadata: { httpStatusCode: status } });
}
