import { awsErrors } from './aws.ts';
import { azureErrors } from './azure.ts';
import { gcpErrors } from './gcp.ts';
import { kmipErrors } from './kmip.ts';
import { localErrors } from './local.ts';
import { pkcs11Errors } from './pkcs11.ts';
import { vaultErrors } from './vault.ts';
import type { VendorError } from './vendor-error.ts';

/** All errors of all providers that have a line, by provider. */
export const VENDOR_ERRORS: ReadonlyMap<string, readonly VendorError[]> = new Map([
  ['aws', awsErrors()],
  ['gcp', gcpErrors()],
  ['azure', azureErrors()],
  ['vault', vaultErrors()],
  ['pkcs11', pkcs11Errors()],
  ['kmip', kmipErrors()],
  ['local', localErrors()],
]);
