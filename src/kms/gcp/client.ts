import { KeyManagementServiceClient } from '@google-cloud/kms';
import { type CallOptions, googleAuthLibrary, grpc } from 'google-gax';
import { SecretBytes } from '../../core/secret-bytes.ts';
import { type FederationFile, federationFileSchema, type GcpCredentials, type KeyFile, keyFileSchema } from './config.ts';
import type { GcpChannel } from './connections.ts';
import { crc32c } from './crc32c.ts';
import { readCredentials, stampOf } from './credential-files.ts';
import type { GcpConnection, GcpKeyFacts, GcpRequest, GcpVersionFacts, GcpWrapped } from './gcp-kms.ts';
import { ClientIdentity, type Identity, ImpersonatedIdentity, NO_IDENTITY, type TokenClient, unlessAborted } from './identity.ts';
import { type DecryptReply, type EncryptReply, intactCiphertext, intactPlaintext } from './integrity.ts';

const CLOUD_KMS = 'https://cloudkms.googleapis.com';
const IAM_CREDENTIALS = 'https://iamcredentials.googleapis.com';

/** Enough to use keys. Creating tokens of another account needs more. */
const KMS_SCOPE = 'https://www.googleapis.com/auth/cloudkms';
const CLOUD_SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

/** The guard ends attempts at 3 s; this is what the server is told, and holds for calls the guard does not see. */
const DEADLINE_MS = 5_000;

const CHANNEL_OPTIONS = {
  // The SDK allows replies of any size; those of Cloud KMS stay far below 128 KiB.
  'grpc.max_receive_message_length': 256 * 1024,
  // A connection that died silently is noticed with the next call, not after a quarter of an hour.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 5_000,
  // After an outage the channel is back within seconds; gRPC's own limit is two minutes.
  'grpc.max_reconnect_backoff_ms': 5_000,
  // No DNS question for a service configuration, and none obeyed.
  'grpc.service_config_disable_resolution': 1,
};

/** Opens channels to Cloud KMS. Identities that impersonate share the one they start from. */
export class GcpKmsOpener {
  readonly #bases = new Map<string, Identity>();

  async open({ endpoint, credentials }: GcpConnection): Promise<GcpChannel> {
    const { protocol, hostname, port } = new URL(endpoint ?? CLOUD_KMS);
    const isPlaintext = protocol === 'http:';
    const client = new KeyManagementServiceClient({
      apiEndpoint: hostname,
      port: Number(port) || (isPlaintext ? 80 : 443),
      sslCreds: isPlaintext ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(),
      universeDomain: 'googleapis.com',
      // Given, whatever it is: looking for one would start `gcloud` and ask metadata servers.
      projectId: 'keyside',
      fallback: false,
      ...CHANNEL_OPTIONS,
    });
    const stub = await client.initialize();
    const identity = isPlaintext ? NO_IDENTITY : this.#identity(credentials);
    return new SdkKms(client, identity, () => void stub.close?.());
  }

  #identity({ impersonate, ...base }: GcpCredentials): Identity {
    if (impersonate === undefined) return identityOf(base, KMS_SCOPE);
    const name = JSON.stringify(base);
    const known = this.#bases.get(name) ?? identityOf(base, CLOUD_SCOPE);
    this.#bases.set(name, known);
    const { serviceAccount, lifetimeSeconds, endpoint = IAM_CREDENTIALS } = impersonate;
    return new ImpersonatedIdentity({
      base: known,
      serviceAccount,
      lifetimeSeconds,
      endpoint: endpoint.replace(/\/$/, ''),
      scope: KMS_SCOPE,
      post,
    });
  }
}

type Method = 'encrypt' | 'decrypt' | 'getCryptoKey' | 'getCryptoKeyVersion';

type Invoke<Reply> = (request: Call['request'], options: CallOptions) => Promise<readonly [Reply, ...unknown[]]>;

interface Call {
  readonly method: Method;
  readonly request: { readonly name: string };
  readonly signal: AbortSignal;
}

/**
 * Calls below the generated methods: those retry, allow 60 s an attempt, and can be told by the environment
 * (GOOGLE_SDK_NODE_LOGGING) to print requests, data keys among them. What they add of use, the routing header, is added here.
 */
class SdkKms implements GcpChannel {
  readonly #client: KeyManagementServiceClient;
  readonly #identity: Identity;
  readonly #close: () => void;

  constructor(client: KeyManagementServiceClient, identity: Identity, close: () => void) {
    this.#client = client;
    this.#identity = identity;
    this.#close = close;
  }

  async encrypt({ keyName: name, additionalData, signal }: GcpRequest, dataKey: SecretBytes): Promise<GcpWrapped> {
    // A copy: the SDK reads it after it has found credentials, and by then the caller may have wiped its own.
    using copy = dataKey.copy();
    const plaintext = copy.expose();
    const request = {
      name,
      plaintext,
      plaintextCrc32c: { value: crc32c(plaintext) },
      additionalAuthenticatedData: additionalData,
      additionalAuthenticatedDataCrc32c: { value: crc32c(additionalData) },
    };
    const reply = await this.#call<EncryptReply>({ method: 'encrypt', request, signal });
    return { versionName: reply.name ?? '', ciphertext: new Uint8Array(intactCiphertext(reply)) };
  }

  async decrypt({ keyName: name, additionalData, signal }: GcpRequest, ciphertext: Uint8Array): Promise<SecretBytes> {
    const request = {
      name,
      ciphertext,
      ciphertextCrc32c: { value: crc32c(ciphertext) },
      additionalAuthenticatedData: additionalData,
      additionalAuthenticatedDataCrc32c: { value: crc32c(additionalData) },
    };
    const plaintext = intactPlaintext(await this.#call<DecryptReply>({ method: 'decrypt', request, signal }));
    // Onto memory of its own: the reply is a part of what gRPC received. Buffers of HTTP/2 beneath cannot be reached.
    const secret = SecretBytes.copyOf(plaintext);
    plaintext.fill(0);
    return secret;
  }

  async getKey(name: string, signal: AbortSignal): Promise<GcpKeyFacts> {
    type Reply = { readonly purpose?: string | null; readonly primary?: VersionReply | null };
    const { purpose, primary } = await this.#call<Reply>({ method: 'getCryptoKey', request: { name }, signal });
    return { purpose: purpose ?? '', primary: primary == null ? undefined : versionFacts(primary) };
  }

  async getVersion(name: string, signal: AbortSignal): Promise<GcpVersionFacts> {
    return versionFacts(await this.#call<VersionReply>({ method: 'getCryptoKeyVersion', request: { name }, signal }));
  }

  close(): void {
    this.#close();
  }

  async #call<Reply>({ method, request, signal }: Call): Promise<Reply> {
    const headers = {
      'x-goog-request-params': `name=${encodeURIComponent(request.name)}`,
      ...(await unlessAborted(() => this.#identity.headers(), signal)),
    };
    const options: CallOptions = { timeout: DEADLINE_MS, retry: null, signal, otherArgs: { headers } };
    try {
      const invoke = this.#client.innerApiCalls[method] as Invoke<Reply>;
      const [reply] = await invoke(request, options);
      return reply;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === grpc.status.UNAUTHENTICATED) this.#identity.forget();
      throw error;
    }
  }
}

/** Enumerations arrive as their names. */
interface VersionReply {
  readonly name?: string | null;
  readonly state?: string | null;
  readonly protectionLevel?: string | null;
}

function versionFacts({ name, state, protectionLevel }: VersionReply): GcpVersionFacts {
  return { name: name ?? '', state: state ?? '', protectionLevel: protectionLevel ?? '' };
}

const TRANSPORT = { timeout: 4_000 };

function identityOf(credentials: Omit<GcpCredentials, 'impersonate'> & { readonly file?: string }, scope: string): Identity {
  const { source, file = '' } = credentials;
  if (source === 'ambient') return new ClientIdentity(() => ambientClient(scope));
  const make = source === 'key-file' ? keyFileClient : federationClient;
  return new ClientIdentity(
    () => make(file, scope),
    () => stampOf(file),
  );
}

async function ambientClient(scope: string): Promise<TokenClient> {
  const auth = new googleAuthLibrary.GoogleAuth({
    scopes: [scope],
    projectId: 'keyside',
    clientOptions: { transporterOptions: TRANSPORT },
  });
  auth.useJWTAccessWithScope = true;
  return auth.getClient();
}

/** Signs its own tokens: no call to Google is needed for them. */
async function keyFileClient(file: string, scope: string): Promise<TokenClient> {
  const {
    client_email: email,
    private_key: key,
    private_key_id: keyId,
    quota_project_id: quotaProjectId,
  }: KeyFile = await readCredentials(file, keyFileSchema, 'the key file is not one of a service account');
  const client = new googleAuthLibrary.JWT({
    email,
    key,
    scopes: [scope],
    transporterOptions: TRANSPORT,
    ...(keyId === undefined ? {} : { keyId }),
    ...(quotaProjectId === undefined ? {} : { quotaProjectId }),
  });
  client.useJWTAccessWithScope = true;
  return client;
}

/** The classes themselves, chosen here: the SDK's own choice would include the one that runs programs. */
async function federationClient(file: string, scope: string): Promise<TokenClient> {
  const configuration: FederationFile = await readCredentials(
    file,
    federationFileSchema,
    'the credential configuration is not one that is accepted',
  );
  const options = { ...configuration, scopes: [scope], transporterOptions: TRANSPORT };
  const { AwsClient, IdentityPoolClient } = googleAuthLibrary;
  const { credential_source: source } = configuration;
  if ('environment_id' in source) return new AwsClient({ ...options, credential_source: source } as AwsOptions);
  return new IdentityPoolClient({ ...options, credential_source: source } as PoolOptions);
}

type AwsOptions = ConstructorParameters<typeof googleAuthLibrary.AwsClient>[0];
type PoolOptions = ConstructorParameters<typeof googleAuthLibrary.IdentityPoolClient>[0];

const http = new googleAuthLibrary.gaxios.Gaxios();

/** Once: the guard tries again. */
async function post(
  url: string,
  { headers, data }: { readonly headers: Readonly<Record<string, string>>; readonly data: object },
): Promise<unknown> {
  const reply = await http.request({
    url,
    method: 'POST',
    headers: new Headers(headers),
    data,
    responseType: 'json',
    retry: false,
    ...TRANSPORT,
  });
  return reply.data;
}
