import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKey, disableKey, rotateKey } from '../../src/kms/local/store.ts';

/** Nothing listens there: the port of the discard service, which only root could open. */
const CLOSED_ADDRESS = 'http://127.0.0.1:9';

/** The token of the caller who may do everything, as a file in the folder of tokens. */
const EVERYTHING = 'everything';

/** Files of tokens that scenarios name: what the caller may do. `missing` is not there. */
const CALLERS = {
  [EVERYTHING]: "tenants: ['*'], operations: ['*']",
  'globex-only': "tenants: [globex], operations: ['*']",
  'decrypt-only': "tenants: ['*'], operations: [decrypt]",
} as const;

/** Tenants under software keys of their own; what else of them is configured stands in `TENANTS`. */
const LOCAL_KEYS = ['acme', 'globex', 'keyless', 'paused', 'revoked', 'misfit', 'custody'] as const;

/** Everything a daemon of the suite reads, in one folder. */
export interface Deployment {
  readonly configFile: string;
  readonly socket: string;
  readonly tokens: string;
  readonly tokenFile: string;
  /** Gives the key under which scenarios are written another version: what is rewrapped from now on changes. */
  rotate(): Promise<void>;
}

/** Writes configuration, tenants, keys and tokens. `kms` is the address of a `KmsStub`. */
export async function writeDeployment(folder: string, kms: string): Promise<Deployment> {
  for (const name of ['keys', 'tokens']) mkdirSync(join(folder, name), { mode: 0o700 });
  for (const id of LOCAL_KEYS) await createKey(keyFile(folder, id), { id, now: new Date() });
  await disableKey(keyFile(folder, 'revoked'));
  chmodSync(keyFile(folder, 'misfit'), 0o644);
  const tokens = join(folder, 'tokens');
  for (const id of Object.keys(CALLERS)) writeSecret(join(tokens, id), `interop-token-of-${id}\n`);
  writeSecret(join(tokens, 'unknown'), 'interop-token-of-nobody\n');
  writeSecret(join(tokens, 'empty'), '\n');
  writeSecret(join(folder, 'vault-token'), 'interop-vault-token\n');
  writeFileSync(join(folder, 'tenants.yaml'), tenantsFile(kms));
  const configFile = join(folder, 'keyside.yaml');
  writeFileSync(configFile, daemonFile());
  return {
    configFile,
    socket: join(folder, 'run/keyside.sock'),
    tokens,
    tokenFile: join(tokens, EVERYTHING),
    rotate: async () => {
      await rotateKey(keyFile(folder, 'acme'), { now: new Date() });
    },
  };
}

function keyFile(folder: string, id: string): string {
  return join(folder, 'keys', `${id}.json`);
}

function writeSecret(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 });
}

function daemonFile(): string {
  const callers = Object.entries(CALLERS).map(([id, may]) => `  - { id: ${id}, tokenFile: tokens/${id}, ${may} }`);
  return [
    'listen: { tcp: "127.0.0.1:0", unix: run/keyside.sock, http: "off" }',
    'tenants: tenants.yaml',
    'limits: { maxDocumentBytes: 2MiB }',
    'kms: { timeout: 3s, attemptTimeout: 700ms, maxAttempts: 1 }',
    'callers:',
    ...callers,
    '',
  ].join('\n');
}

function tenantsFile(kms: string): string {
  const local = (id: string, state: string, store = id): string =>
    `{ id: ${id}-key, provider: local, state: ${state}, local: { storeFile: keys/${store}.json } }`;
  // A namespace of its own for each: they share no quota.
  const vault = (id: string, address: string): string => {
    const settings = `{ address: "${address}", namespace: ${id}, keyName: ${id}, auth: { method: token-file, file: vault-token } }`;
    return `{ id: ${id}-key, provider: vault, state: primary, vault: ${settings} }`;
  };
  const policy = '{ labels: { pii: { protection: document }, restricted: { allowedPurposes: [billing, support] } } }';
  return [
    'tenants:',
    `  acme: { keys: [${local('acme', 'primary')}], policy: ${policy} }`,
    `  globex: { keys: [${local('globex', 'primary')}] }`,
    `  keyless: { keys: [${local('keyless', 'active')}] }`,
    `  paused: { keys: [${local('paused', 'disabled')}] }`,
    `  revoked: { keys: [${local('revoked', 'primary')}] }`,
    `  lost: { keys: [${local('lost', 'primary')}] }`,
    `  misfit: { keys: [${local('misfit', 'primary')}] }`,
    `  custody: { keys: [${local('custody', 'primary')}], minimumCustody: customer }`,
    `  denied: { keys: [${vault('denied', kms)}] }`,
    `  throttled: { keys: [${vault('throttled', kms)}] }`,
    `  slow: { keys: [${vault('slow', kms)}] }`,
    `  unreachable: { keys: [${vault('unreachable', CLOSED_ADDRESS)}] }`,
    '',
  ].join('\n');
}
