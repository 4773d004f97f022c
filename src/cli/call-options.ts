import { type Command, Option } from 'commander';
import { type CallMetadata, KeysideClient } from '../../clients/typescript/src/index.ts';
import { UsageError } from './failure.ts';
import { durationMs, keyValue } from './option-values.ts';
import type { Terminal } from './terminal.ts';

const DEFAULT_TIMEOUT_MS = 10_000;

/** What every verb that calls the daemon may be told, as commander hands it over. */
export interface CallFlags {
  readonly tenant?: string;
  readonly requester?: string;
  readonly label?: string;
  readonly purpose?: string;
  readonly context?: ReadonlyMap<string, string>;
  readonly address?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly timeout: number;
}

/** Adds the options of a call. `--tenant` is the caller's to add: not every verb demands it. */
export function addCallOptions(command: Command): Command {
  return command
    .option('--requester <id>', 'who asks: recorded')
    .option('--label <label>', 'classification of the data, e.g. pii')
    .option('--purpose <purpose>', "why the data is used, where the tenant's policy asks for it")
    .addOption(new Option('--context <key=value>', 'bound to the ciphertext; repeatable').argParser(keyValue))
    .option('--address <address>', 'the daemon: host:port or unix:///path (KEYSIDE_ADDRESS; else 127.0.0.1:7460)')
    .option('--token-file <file>', 'file with the bearer token (KEYSIDE_TOKEN_FILE)')
    .option('--ca-file <file>', 'mutual TLS: authorities that the daemon must have a certificate of, PEM')
    .option('--cert-file <file>', 'mutual TLS: certificate to show, PEM')
    .option('--key-file <file>', "mutual TLS: the certificate's private key, PEM")
    .addOption(
      new Option('--timeout <time>', 'longest wait for the answer').argParser(durationMs).default(DEFAULT_TIMEOUT_MS, '10s'),
    );
}

/** Whom the call is for: the options first, else what the document says. */
export function callMetadata(
  { tenant, requester, label, purpose, context }: CallFlags,
  document: { readonly tenantId?: string | undefined; readonly context?: ReadonlyMap<string, string> | undefined } = {},
): CallMetadata {
  const tenantId = tenant ?? document.tenantId;
  if (tenantId === undefined) throw new UsageError('the document names no tenant: give --tenant');
  return { tenantId, requesterId: requester, dataLabel: label, purpose, context: context ?? document.context };
}

/** Runs `work` with a client as the options say, and closes it. */
export async function withClient<T>(
  flags: CallFlags,
  { environment }: Terminal,
  work: (client: KeysideClient) => Promise<T>,
): Promise<T> {
  const client = connect(flags, environment);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

function connect(flags: CallFlags, environment: Terminal['environment']): KeysideClient {
  const { address, tokenFile, timeout: timeoutMs } = flags;
  try {
    // A person who named a wrong address is told at once.
    return new KeysideClient({ address, tokenFile, tls: tlsFiles(flags), timeoutMs, connectTimeoutMs: 0, environment });
  } catch (error) {
    // Whatever keeps a client from being made is an address or a file that the command line or the environment names.
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function tlsFiles({ caFile, certFile, keyFile }: CallFlags) {
  if (caFile === undefined && certFile === undefined && keyFile === undefined) return undefined;
  if (caFile === undefined || certFile === undefined || keyFile === undefined) {
    throw new UsageError('mutual TLS needs --ca-file, --cert-file and --key-file');
  }
  return { caFile, certFile, keyFile };
}
