import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AwsAccount } from '../counterparts/aws-account.ts';
import { type OpenCounterpart, openCounterpart } from '../counterparts/harness.ts';
import { LOCAL_KMS, REGION } from '../counterparts/local-kms.ts';
import { TOXIPROXY, ToxicProxy } from '../counterparts/toxiproxy.ts';
import { policyFor, VaultAdmin } from '../counterparts/vault-admin.ts';
import { openbao } from '../counterparts/vault-openbao.ts';
import { credentialsText } from '../unit/kms/aws/aws-samples.ts';
import { type Daemon, startLoadedDaemon } from './loaded-daemon.ts';
import { COLD_LABEL } from './tenant-calls.ts';

const TENANTS = 10;
/** How long data keys serve: short, so that every tenant's KMS is asked several times a second. */
const TTL = '400ms';

/** Time for one attempt at a KMS: shorter than the default, so that rounds are short. */
export const ATTEMPT_MS = 1_000;

const DAEMON = `tenants: tenants.yaml
kms: { attemptTimeout: ${ATTEMPT_MS}ms, timeout: ${4 * ATTEMPT_MS}ms }
telemetry: { metricsShowTenants: true }
`;

/** A tenant with a key of its own, and the way to its KMS. */
export interface FaultTenant {
  readonly id: string;
  readonly provider: 'aws' | 'vault';
  readonly proxy: ToxicProxy;
}

/** Ten tenants, half with keys in AWS KMS and half in Vault, each reached through a proxy of its own; and the daemon that serves them. */
export class FaultWorld {
  readonly tenants: readonly FaultTenant[];
  readonly daemon: Daemon;
  readonly #stack: AsyncDisposableStack;

  private constructor(tenants: readonly FaultTenant[], daemon: Daemon, stack: AsyncDisposableStack) {
    this.tenants = tenants;
    this.daemon = daemon;
    this.#stack = stack;
  }

  /** Where a counterpart is missing: which. OpenBao may be missing, then all keys are in AWS KMS. */
  static async start(): Promise<FaultWorld | { readonly missing: string }> {
    await using stack = new AsyncDisposableStack();
    const open = async (recipe: Parameters<typeof openCounterpart>[0]): Promise<OpenCounterpart | { missing: string }> => {
      const opened = await openCounterpart(recipe);
      if ('stop' in opened) stack.defer(() => opened.stop());
      return opened;
    };
    const [toxiproxy, aws, vault] = [await open(TOXIPROXY), await open(LOCAL_KMS), await open(openbao())];
    for (const needed of [toxiproxy, aws]) if ('missing' in needed) return needed;
    const folder = mkdtempSync(join(tmpdir(), 'keyside-faults-'));
    stack.defer(() => rmSync(folder, { recursive: true }));
    const maker = new TenantMaker((toxiproxy as OpenCounterpart).url, folder);
    stack.defer(() => maker.close());
    await maker.use((aws as OpenCounterpart).url, 'url' in vault ? vault.url : undefined);
    for (let number = 0; number < TENANTS; number += 1) await maker.add(`tenant-${number}`);
    writeFileSync(join(folder, 'tenants.yaml'), maker.yaml);
    const daemon = await startLoadedDaemon(folder, DAEMON);
    stack.defer(() => daemon.stop());
    return new FaultWorld(maker.tenants, daemon, stack.move());
  }

  /** Attempts made at the tenant's KMS since the start, as the daemon counts them for operators. */
  async kmsCalls(tenant: FaultTenant): Promise<number> {
    const text = await (await fetch(`http://${this.daemon.http}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith('keyside_kms_call_duration_seconds_count{'));
    const ofTenant = lines.filter((line) => line.includes(`tenant="${tenant.id}"`));
    if (lines.length === 0) throw new Error('the daemon does not count its calls to KMSs');
    return ofTenant.map((line) => Number(/\} (\d+)/.exec(line)?.[1])).reduce((sum, count) => sum + count, 0);
  }

  /** Memory of the daemon's process that is resident, in MiB. */
  async memoryMib(): Promise<number> {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(this.daemon.pid)]);
    return Number(stdout) / 1_024;
  }

  async stop(): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

interface Aws {
  readonly url: string;
  readonly account: AwsAccount;
}

class TenantMaker {
  readonly tenants: FaultTenant[] = [];
  readonly #toxiproxy: string;
  readonly #credentials: string;
  #yaml = 'tenants:\n';
  #aws: Aws | undefined;
  #vault: VaultAdmin | undefined;

  constructor(toxiproxy: string, folder: string) {
    this.#toxiproxy = toxiproxy;
    this.#credentials = join(folder, 'aws-credentials');
    writeFileSync(this.#credentials, credentialsText('AKIAFAULTS'), { mode: 0o600 });
  }

  async use(aws: string, vault: string | undefined): Promise<void> {
    this.#aws = { url: aws, account: new AwsAccount(aws) };
    if (vault === undefined) return;
    this.#vault = new VaultAdmin(vault);
    await this.#vault.setUp();
  }

  get yaml(): string {
    const warm = `{ lease: { ttl: ${TTL} }, cache: { ttl: ${TTL} } }`;
    const cold = '{ protection: document, cache: { ttl: 0s } }';
    return `${this.#yaml}policy:\n  default: ${warm}\n  labels: { ${COLD_LABEL}: ${cold} }\n`;
  }

  async add(id: string): Promise<void> {
    const isVault = this.#vault !== undefined && this.tenants.length % 2 === 1;
    const { key, proxy } = isVault ? await this.#vaultKey(id) : await this.#awsKey(id);
    this.#yaml += `  ${id}:\n    keys:\n      - { id: ${id}-key, state: primary, ${key} }\n`;
    this.tenants.push({ id, provider: isVault ? 'vault' : 'aws', proxy });
  }

  async close(): Promise<void> {
    this.#aws?.account.close();
    await this.#vault?.close();
  }

  async #awsKey(id: string): Promise<{ key: string; proxy: ToxicProxy }> {
    const { url, account } = this.#aws as Aws;
    const proxy = await ToxicProxy.create(this.#toxiproxy, id, url);
    const credentials = `{ source: file, file: ${JSON.stringify(this.#credentials)} }`;
    const place = `keyId: "${await account.createKey()}", region: ${REGION}, endpoint: "${proxy.url}"`;
    return { proxy, key: `provider: aws, aws: { ${place}, credentials: ${credentials} }` };
  }

  async #vaultKey(id: string): Promise<{ key: string; proxy: ToxicProxy }> {
    const admin = this.#vault as VaultAdmin;
    const proxy = await ToxicProxy.create(this.#toxiproxy, id, admin.url);
    const keyName = await admin.createKey();
    await admin.writePolicy(id, policyFor(keyName));
    const { file } = await admin.tokenFile(id);
    const auth = `{ method: token-file, file: ${JSON.stringify(file)} }`;
    return { proxy, key: `provider: vault, vault: { address: "${proxy.url}", keyName: ${keyName}, auth: ${auth} }` };
  }
}
