import { stat } from 'node:fs/promises';
import { fromNodeProviderChain, fromTemporaryCredentials, fromTokenFile } from '@aws-sdk/credential-providers';
import type { AwsBaseCredentials, AwsCredentials } from './config.ts';
import { type AccessKey, readAccessKey } from './credentials-file.ts';

export type CredentialProvider = ReturnType<typeof fromNodeProviderChain>;
type AssumeRole = Extract<AwsCredentials, { source: 'assume-role' }>;
type StsSettings = Pick<AssumeRole, 'stsRegion' | 'stsEndpoint'>;
type StsOptions = NonNullable<NonNullable<Parameters<typeof fromTemporaryCredentials>[0]>['clientConfig']>;

export interface CredentialSurroundings {
  readonly region: string;
  /** STS goes through the same sockets and time limits. */
  readonly handler: () => StsOptions['requestHandler'];
}

/** Finds credentials as the configuration says, each time the SDK asks for them. */
export function credentialsOf(
  credentials: AwsCredentials | AwsBaseCredentials,
  surroundings: CredentialSurroundings,
): CredentialProvider {
  switch (credentials.source) {
    case 'ambient':
      return fromNodeProviderChain();
    case 'file':
      return fromCredentialsFile(credentials);
    case 'web-identity': {
      const { roleArn, tokenFile: webIdentityTokenFile, sessionName: roleSessionName } = credentials;
      return (identity) =>
        fromTokenFile({ roleArn, webIdentityTokenFile, roleSessionName, clientConfig: stsConfig(credentials, surroundings) })(
          identity,
        );
    }
    case 'assume-role':
      return fromRole(credentials, surroundings);
  }
}

function fromRole(role: AssumeRole, surroundings: CredentialSurroundings): CredentialProvider {
  let provider: CredentialProvider | undefined;
  const { roleArn: RoleArn, externalId: ExternalId, sessionName: RoleSessionName } = role;
  return (identity) => {
    provider ??= fromTemporaryCredentials({
      masterCredentials: credentialsOf(role.base, surroundings),
      params: { RoleArn, RoleSessionName, ...(ExternalId === undefined ? {} : { ExternalId }) },
      clientConfig: stsConfig(role, surroundings),
    });
    return provider(identity);
  };
}

function stsConfig({ stsRegion, stsEndpoint }: StsSettings, { region, handler }: CredentialSurroundings): StsOptions {
  const requestHandler = handler();
  return {
    region: stsRegion ?? region,
    maxAttempts: 2,
    ...(stsEndpoint === undefined ? {} : { endpoint: stsEndpoint }),
    ...(requestHandler === undefined ? {} : { requestHandler }),
  };
}

/**
 * Reads the file again when it has changed. Credentials from a file carry no expiry, and the SDK would keep them for ever; given one
 * that has passed, it asks here before every call, which costs one `stat`.
 */
function fromCredentialsFile({ file, profile }: { readonly file: string; readonly profile: string }): CredentialProvider {
  let known: { readonly stamp: string; readonly credentials: AccessKey } | undefined;
  return async () => {
    const { ino, size, mtimeMs } = await stat(file);
    const stamp = `${ino} ${size} ${mtimeMs}`;
    if (known?.stamp !== stamp) known = { stamp, credentials: await readAccessKey(file, profile) };
    return { ...known.credentials, expiration: new Date(0) };
  };
}
