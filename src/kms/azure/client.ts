import {
  ClientAssertionCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  DefaultAzureCredential,
  type GetTokenOptions,
  ManagedIdentityCredential,
  type TokenCredential,
} from '@azure/identity';
import { CryptographyClient, KeyClient, type KeyClientOptions, type KeyVaultKey } from '@azure/keyvault-keys';
import { SecretBytes } from '../../core/secret-bytes.ts';
import type {
  AzureConnection,
  AzureDeletion,
  AzureKeyFacts,
  AzureKeyRequest,
  AzureUnwrapped,
  AzureVault,
  AzureVersionRequest,
  AzureWrapped,
} from './azure-kms.ts';
import { type Kept, kept, keptPerFile, textOf } from './credential-files.ts';
import { parseKeyIdentifier } from './key-identifier.ts';
import { type Sighting, sightingOfAnswer, sightingOfFailure, tokenError, vaultError } from './sdk-errors.ts';
import { SharedTokens } from './shared-tokens.ts';

type Policy = NonNullable<KeyClientOptions['additionalPolicies']>[number]['policy'];
type AnswerListener = NonNullable<NonNullable<Parameters<CryptographyClient['wrapKey']>[2]>['onResponse']>;

/** By the service, always: the SDK does RSA-OAEP and RSA1_5 with the public key alone, where a disabled key would go unnoticed. */
const ALGORITHM = 'RSA-OAEP-256';

/** The guard ends attempts at 3 s; this holds for requests that belong to no caller, such as those for tokens. */
const REQUEST_MS = 5_000;

/** One client for each key version, since the SDK binds it; beyond, the oldest goes. */
const MAX_CLIENTS = 1_024;

const NO_BYTES = new Uint8Array(0);

/** Opens a connection to a vault. Sockets are the SDK's own and shared by all; idle ones hold nothing up. */
export async function openVault(connection: AzureConnection): Promise<AzureVault> {
  const { vaultUrl, isEmulator, caFile } = connection;
  const ca = caFile === undefined ? undefined : await textOf(caFile);
  const options = { ...NO_RETRIES, ...(ca === undefined ? {} : { tlsOptions: { ca } }) };
  const vaultOptions = { ...options, disableChallengeResourceVerification: isEmulator };
  return new SdkVault(new URL(vaultUrl).origin, credentialOf(connection, options), vaultOptions);
}

/** Retries are the guard's, and a vault that leads elsewhere is not followed. */
const NO_RETRIES = {
  retryOptions: { maxRetries: 0 },
  redirectOptions: { maxRetries: 0 },
  additionalPolicies: [{ policy: timeLimit(), position: 'perCall' as const }],
};

class SdkVault implements AzureVault {
  readonly #url: string;
  readonly #credential: TokenCredential;
  readonly #options: KeyClientOptions;
  readonly #keys: KeyClient;
  readonly #clients = new Map<string, CryptographyClient>();

  constructor(url: string, credential: TokenCredential, options: KeyClientOptions) {
    this.#url = url;
    this.#credential = credential;
    this.#options = options;
    this.#keys = new KeyClient(url, credential, { ...options });
  }

  async wrapKey(request: AzureVersionRequest, payload: SecretBytes): Promise<AzureWrapped> {
    const call = (options: CallOptions) => this.#clientOf(request).wrapKey(ALGORITHM, payload.expose(), options);
    const { reply, kid } = await ask(call, request.signal);
    return { by: parseKeyIdentifier(kid), ciphertext: reply.result ?? NO_BYTES };
  }

  async unwrapKey(request: AzureVersionRequest, ciphertext: Uint8Array): Promise<AzureUnwrapped> {
    const call = (options: CallOptions) => this.#clientOf(request).unwrapKey(ALGORITHM, ciphertext, options);
    const { reply, kid } = await ask(call, request.signal);
    return { by: parseKeyIdentifier(kid), payload: takeSecret(reply.result) };
  }

  async getKey({ keyName, version, signal }: AzureKeyRequest): Promise<AzureKeyFacts> {
    const which = version === undefined ? {} : { version };
    const { reply } = await ask((options) => this.#keys.getKey(keyName, { ...options, ...which }), signal);
    return factsOf(reply);
  }

  async hasOtherEnabledVersion({ keyName, version, signal }: AzureKeyRequest): Promise<boolean> {
    const call = async (options: CallOptions): Promise<boolean> => {
      for await (const listed of this.#keys.listPropertiesOfKeyVersions(keyName, options)) {
        if (listed.enabled !== false && listed.version !== version) return true;
      }
      return false;
    };
    return (await ask(call, signal)).reply;
  }

  async getDeletion(keyName: string, signal: AbortSignal): Promise<AzureDeletion | undefined> {
    try {
      const { reply } = await ask((options) => this.#keys.getDeletedKey(keyName, options), signal);
      return { deletedOn: reply.properties.deletedOn, purgedOn: reply.properties.scheduledPurgeDate };
    } catch (error) {
      if (vaultError(error, undefined).status === 404) return undefined;
      throw error;
    }
  }

  /**
   * Given a key without its public part, the SDK asks nothing about it first, decides nothing by dates that it once saw, and cannot
   * but leave the work to the service.
   */
  #clientOf({ keyName, version }: AzureVersionRequest): CryptographyClient {
    const id = `${this.#url}/keys/${keyName}/${version}`;
    const known = this.#clients.get(id);
    if (known !== undefined) return known;
    const [oldest] = this.#clients.keys();
    if (oldest !== undefined && this.#clients.size >= MAX_CLIENTS) this.#clients.delete(oldest);
    const properties = { name: keyName, vaultUrl: this.#url, version };
    const client = new CryptographyClient({ name: keyName, id, properties }, this.#credential, { ...this.#options });
    this.#clients.set(id, client);
    return client;
  }
}

interface CallOptions {
  readonly abortSignal: AbortSignal;
  readonly onResponse: AnswerListener;
}

/** Makes a call; `kid` is what the answer itself states: the SDK's results only repeat what was asked for. */
async function ask<Reply>(
  call: (options: CallOptions) => Promise<Reply>,
  signal: AbortSignal,
): Promise<{ readonly reply: Reply; readonly kid: unknown }> {
  let answer: Sighting | undefined;
  let kid: unknown;
  const onResponse: AnswerListener = (raw) => {
    answer = sightingOfAnswer(raw);
    kid = (raw.parsedBody as { readonly kid?: unknown } | null | undefined)?.kid;
  };
  try {
    return { reply: await call({ abortSignal: signal, onResponse }), kid };
  } catch (cause) {
    throw vaultError(cause, answer);
  }
}

function factsOf({ keyType, keyOperations, properties }: KeyVaultKey): AzureKeyFacts {
  const { version = '', enabled, notBefore, expiresOn, recoveryLevel } = properties;
  return { version, isEnabled: enabled !== false, keyType, operations: keyOperations, notBefore, expiresOn, recoveryLevel };
}

/** Onto memory of its own: the SDK decodes into Node's shared pool. The JSON text it came in is a string and cannot be zeroed. */
function takeSecret(payload: Uint8Array | undefined): SecretBytes {
  const secret = SecretBytes.copyOf(payload ?? NO_BYTES);
  if (payload instanceof Uint8Array) payload.fill(0);
  return secret;
}

function timeLimit(): Policy {
  return {
    name: 'keysideTimeLimit',
    sendRequest: (request, next) => {
      request.timeout = REQUEST_MS;
      return next(request);
    },
  };
}

type Options = typeof NO_RETRIES & { readonly tlsOptions?: { readonly ca: string } };

/** A credential whose callers share its requests, and whose errors tell what the network showed. */
function credentialOf(connection: AzureConnection, options: Options): TokenCredential {
  let seen: Sighting | undefined;
  const watch: Policy = {
    name: 'keysideSightings',
    sendRequest: async (request, next) => {
      try {
        const answer = await next(request);
        seen = sightingOfAnswer(answer);
        return answer;
      } catch (error) {
        seen = sightingOfFailure(error);
        throw error;
      }
    },
  };
  const policies = [...options.additionalPolicies, { policy: watch, position: 'perCall' as const }];
  const credential = keptCredential(connection, { ...options, additionalPolicies: policies });
  return new SharedTokens(async (scopes, tokenOptions: GetTokenOptions) => {
    seen = undefined;
    try {
      return await (await credential.current()).getToken(scopes, tokenOptions);
    } catch (cause) {
      credential.forget(); // after a fault of the authority, MSAL would repeat the error for a minute without asking
      throw tokenError(cause, seen);
    }
  });
}

/** The SDK's credential as its files are now. */
function keptCredential(connection: AzureConnection, options: Options): Kept<TokenCredential> {
  const { credentials, authorityHost, tenantId = '', isEmulator } = connection;
  const authority = authorityHost === undefined ? {} : { authorityHost };
  const entra = { ...options, ...authority, disableInstanceDiscovery: isEmulator };
  switch (credentials.source) {
    case 'client-secret': {
      const { secretFile, clientId } = credentials;
      return keptPerFile(secretFile, (secret) => new ClientSecretCredential(tenantId, clientId, secret, entra));
    }
    case 'certificate': {
      const { certificateFile, clientId } = credentials;
      return keptPerFile(
        certificateFile,
        (certificate) => new ClientCertificateCredential(tenantId, clientId, { certificate }, entra),
      );
    }
    case 'federated-token': {
      const { tokenFile, clientId } = credentials;
      return kept(() => new ClientAssertionCredential(tenantId, clientId, () => textOf(tokenFile), entra));
    }
    case 'managed-identity': {
      const { clientId } = credentials;
      return kept(() => new ManagedIdentityCredential({ ...options, ...(clientId === undefined ? {} : { clientId }) }));
    }
    case 'ambient':
      return kept(() => new DefaultAzureCredential({ ...entra, ...(tenantId === '' ? {} : { tenantId }) }));
  }
}
