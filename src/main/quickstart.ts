import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The tenants of the embedded default, each under a software key of its own. */
const DEMO_TENANTS = ['acme', 'globex'] as const;

const DAEMON_CONFIGURATION = `# Made on the first start without a configuration. It is yours to change: see docs/configuration.md.
listen:
  tcp: 127.0.0.1:7460
  http: 127.0.0.1:7461
tenants: tenants.yaml
`;

const tenantsConfiguration = `# Two demo tenants, each under its own software key. Changes take effect within a second or so, without a restart.
# A software key is for trying Keyside out: whoever reads its file reads the data. See docs/providers for real ones.
tenants:
${DEMO_TENANTS.map(
  (tenant) => `  ${tenant}:
    keys:
      - id: ${tenant}-demo
        provider: local
        state: primary
        local: { storeFile: keys/${tenant}.json }
    policy:
      default:
        # How long a key that its owner disabled may still open data: short, so that the demo shows it.
        cache: { ttl: 5s }
        lease: { ttl: 1m }
`,
).join('')}`;

/**
 * The configuration of the embedded default: made in `stateDirectory` where it is missing, left alone where it is there.
 * @returns the daemon's configuration file, and whether it was made now
 */
export async function prepareQuickstart(stateDirectory: string): Promise<{ file: string; isNew: boolean }> {
  const directory = resolve(stateDirectory);
  const file = join(directory, 'keyside.yaml');
  if (existsSync(file)) return { file, isNew: false };
  const keys = join(directory, 'keys');
  mkdirSync(keys, { recursive: true, mode: 0o700 });
  const { createKey } = await import('../kms/local/store.ts');
  for (const tenant of DEMO_TENANTS) {
    const store = join(keys, `${tenant}.json`);
    if (!existsSync(store)) await createKey(store, { id: tenant, now: new Date() });
  }
  const tenants = join(directory, 'tenants.yaml');
  if (!existsSync(tenants)) writeFileSync(tenants, tenantsConfiguration, { flag: 'wx', mode: 0o600 });
  // Last: its presence says that everything else is there.
  writeFileSync(file, DAEMON_CONFIGURATION, { flag: 'wx', mode: 0o600 });
  return { file, isNew: true };
}

/** What a newcomer reads after the first start: where the daemon listens, and calls to copy. */
export function greeting(addresses: { tcp: string; http: string | undefined; file: string; isNew: boolean }): string {
  const { tcp, http, file, isNew } = addresses;
  const request = '{"tenant_id":"acme","fields":{"ssn":"MTIzLTQ1LTY3ODk="},"metadata":{"requester_id":"demo"}}';
  return [
    `Keyside is ready: gRPC on ${tcp}${http === undefined ? '' : `, health and metrics on http://${http}`}.`,
    `${isNew ? 'Made' : 'Using'} the demo configuration ${file}: tenants ${DEMO_TENANTS.join(' and ')}, each under its own software key.`,
    '',
    'Encrypt a document (from another terminal, in this directory):',
    '',
    `  npx buf curl --protocol grpc -d '${request}' http://${tcp}/keyside.v1.CryptoService/Encrypt`,
    '',
    'or with grpcurl:',
    '',
    `  grpcurl -plaintext -d '${request}' ${tcp} keyside.v1.CryptoService/Encrypt`,
    '',
    'Give the answer back to Decrypt, then try tenant globex, or `npx keyside local-kms disable acme`. Ctrl-C stops the daemon.',
    '',
  ].join('\n');
}
