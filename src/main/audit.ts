import { hash } from 'node:crypto';
import { join, parse } from 'node:path';
import type { CourierStatus, SinkStatus } from '../audit/courier-status.ts';
import type { CourierThread } from '../audit/courier-thread.ts';
import type { DurableTrail } from '../audit/durable-trail.ts';
import type { AuditEvent, KeyEvent } from '../audit/event.ts';
import type { SinkChoice, SinkConfig } from '../audit/sink-registry.ts';
import { NOTHING_NEEDED } from '../audit/spool-position.ts';
import { type AuditTrail, NO_AUDIT } from '../audit/trail.ts';
import type { DaemonConfig } from '../config/daemon-config.ts';
import { parseKeyConfigurationId } from '../core/ids.ts';
import type { KmsWatch } from '../kms/kms-watch.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { AuditSinkState, Metrics } from '../telemetry/telemetry.ts';
import type { TenantDirectory } from '../tenants/directory.ts';
import type { ConfiguredSink, Tenant } from '../tenants/tenant.ts';
import { version } from './version.ts';

/** After a change of sinks, how long others may follow before the courier learns of all of them, in milliseconds. */
const SETTLE_MS = 200;

export interface AuditOptions {
  readonly config: Pick<DaemonConfig, 'audit' | 'drain'>;
  /** Of this process: 1 where the daemon is one. Each has a spool of its own. */
  readonly processNumber: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The audit trail of one process, and what feeds it beside the calls. */
export interface Audit {
  readonly trail: AuditTrail;
  /** Absent where the trail is off. */
  readonly watch: KmsWatch | undefined;
  /** Records changes of tenants from now on, and delivers to the sinks that are configured. To be called once they are loaded. */
  follow(tenants: TenantDirectory): Promise<void>;
  /** The tenants' files could not be applied as they are now. */
  configurationRejected(): void;
  drainBegan(calls: number): void;
  /** After the last call: signs everything, delivers what can be within the time to drain, says what is left, and closes. */
  close(): Promise<void>;
}

/** @throws {Error} where the directory of the spool cannot be used */
export async function startAudit(options: AuditOptions): Promise<Audit> {
  if (options.config.audit.mode === 'off') return NO_AUDIT_KEPT;
  // Loaded where it is needed only.
  const [{ DurableTrail }, { nodeFileLayer }] = await Promise.all([
    import('../audit/durable-trail.ts'),
    import('../audit/file-layer.ts'),
  ]);
  const { audit } = options.config;
  const { logger, metrics } = options;
  const directory = join(audit.directory, String(options.processNumber));
  const trail = await DurableTrail.open({
    ...audit,
    mode: audit.mode === 'async' ? 'async' : 'required',
    directory,
    version,
    files: nodeFileLayer,
    logger,
    now: Date.now,
    onCommit: ({ records, bytes, ms, isOk }) => metrics.auditCommitEnded({ records, bytes, durationMs: ms, isOk }),
  }).catch((error: Error) => {
    throw new Error(`audit.directory ${directory} cannot be used: ${error.message}`, { cause: error });
  });
  return new RunningAudit(trail, directory, options);
}

const NO_AUDIT_KEPT: Audit = {
  trail: NO_AUDIT,
  watch: undefined,
  follow: () => Promise.resolve(),
  configurationRejected: () => undefined,
  drainBegan: () => undefined,
  close: () => Promise.resolve(),
};

/** What a KMS says for good, as far as it can tell: a refusal, and no weather. */
const REFUSALS: ReadonlySet<string> = new Set([
  'KEY_REVOKED',
  'KEY_ACCESS_DENIED',
  'KEY_NOT_FOUND',
  'KEY_MISCONFIGURED',
  'KEY_DISABLED_HERE',
  'CIPHERTEXT_REJECTED',
]);

class RunningAudit implements Audit {
  readonly trail: DurableTrail;
  readonly watch: KmsWatch;
  readonly #directory: string;
  readonly #options: AuditOptions;
  #courier: CourierThread | undefined;
  #sinkStatus: readonly SinkStatus[] = [];
  /** Of the tenants that have any. */
  readonly #tenantSinks = new Map<string, readonly ConfiguredSink[]>();
  #delivering: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #stopFollowing: (() => void) | undefined;

  constructor(trail: DurableTrail, directory: string, options: AuditOptions) {
    this.trail = trail;
    this.#directory = directory;
    this.#options = options;
    // Until the sinks are known, each segment may be needed by one of them.
    trail.progress.needed = 0;
    this.watch = {
      assertMayAsk: () => trail.assertAvailable(),
      ended: (event) => void trail.record(keyEvent(event)),
    };
    options.metrics.observeAudit(() => ({
      isAvailable: trail.isAvailable,
      pendingBytes: trail.pendingBytes,
      spoolBytes: trail.spoolBytes,
      limitBytes: options.config.audit.maxBytes,
      sinks: this.#sinkStatus.map((status) => sinkState(status, Date.now())),
    }));
  }

  async follow(tenants: TenantDirectory): Promise<void> {
    const { config, logger } = this.#options;
    const { former } = this.trail;
    const before = former && { formerStart: former.start, formerSequence: former.sequence };
    const facts = { version, mode: this.trail.mode, signingKey: this.trail.keyId, tenants: tenants.size, ...before };
    this.trail.record({ kind: 'lifecycle', action: 'start', facts });
    logger.log('info', 'the audit trail begins', {
      ...facts,
      sidecar: this.trail.source.sidecar,
      start: this.trail.source.start,
    });
    for (const { id, auditSinks } of tenants) if (auditSinks.length > 0) this.#tenantSinks.set(id, auditSinks);
    this.#stopFollowing = tenants.onChange((id, previous, next) => this.#changed(id, previous, next));
    if (config.audit.sinks.length === 0 && this.#tenantSinks.size === 0) this.trail.progress.needed = NOTHING_NEEDED;
    else await this.#deliver();
  }

  configurationRejected(): void {
    this.#record({ kind: 'configuration', tenantId: undefined, action: 'rejected', digest: '' });
  }

  drainBegan(calls: number): void {
    this.#record({ kind: 'lifecycle', action: 'drain', facts: { calls } });
  }

  async close(): Promise<void> {
    this.#stopFollowing?.();
    clearTimeout(this.#timer);
    await this.#delivering;
    try {
      await this.trail.seal();
    } finally {
      // Where nothing more can be signed, what is on record is delivered all the same.
      await this.#ship();
    }
  }

  /** Delivers what can be within the time to drain, says what is left, and closes. */
  async #ship(): Promise<void> {
    const { logger, config } = this.#options;
    try {
      const left = (await this.#courier?.drain(config.drain.timeoutMs)) ?? [];
      for (const { sinkId, bytes } of left) {
        logger.log('warn', 'a sink was not given all of the audit trail before the daemon ended', { sink: sinkId, bytes });
      }
      await this.#courier?.stop();
    } finally {
      await this.trail.close();
    }
  }

  #changed(id: Tenant['id'], previous: Tenant | undefined, next: Tenant | undefined): void {
    const action = next === undefined ? 'removed' : previous === undefined ? 'added' : 'changed';
    this.#record({ kind: 'configuration', tenantId: id, action, digest: next === undefined ? '' : digestOf(next) });
    const sinks = next?.auditSinks ?? [];
    if (sinks.length === 0 && !this.#tenantSinks.has(id)) return;
    if (sinks.length === 0) this.#tenantSinks.delete(id);
    else this.#tenantSinks.set(id, sinks);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#deliver();
    }, SETTLE_MS).unref();
  }

  /** A change is in force whether or not it can be recorded: it may be what takes a key away. */
  #record(event: AuditEvent): void {
    try {
      this.trail.record(event);
    } catch (error) {
      this.#options.logger.log('error', 'an event could not be recorded in the audit trail', {
        event: event.kind,
        ...errorFields(error),
      });
    }
  }

  /** One at a time: two couriers at once would deliver everything twice. */
  #deliver(): Promise<void> {
    this.#delivering = this.#delivering.then(() => this.#deliverNow());
    return this.#delivering;
  }

  async #deliverNow(): Promise<void> {
    const { logger } = this.#options;
    try {
      if (this.#courier !== undefined) {
        await this.#courier.setSinks(this.#sinks());
        return;
      }
      const { CourierThread } = await import('../audit/courier-thread.ts');
      const { sidecar } = this.trail.source;
      const onStatus = (status: CourierStatus): void => {
        this.#sinkStatus = status.sinks;
      };
      const maxTenantLagBytes = Math.floor(this.#options.config.audit.maxBytes / 2);
      const { progress } = this.trail;
      const options = { directory: this.#directory, sidecar, maxTenantLagBytes, progress, logger, onStatus };
      this.#courier = await CourierThread.start(options, this.#sinks());
    } catch (error) {
      logger.log('error', 'the sinks of the audit trail could not be changed', errorFields(error));
    }
  }

  #sinks(): readonly SinkConfig[] {
    const { config, processNumber } = this.#options;
    const own = config.audit.sinks.map((sink) => sinkConfig(sink, undefined));
    const theirs = [...this.#tenantSinks].flatMap(([tenantId, sinks]) => sinks.map((sink) => sinkConfig(sink, tenantId)));
    return [...own, ...theirs].map((sink) => ofProcess(sink, processNumber));
  }
}

/** The settings were checked by the schema of the sink's kind when the file was read. */
function sinkConfig({ name, kind, events, settings }: ConfiguredSink, tenantId: string | undefined): SinkConfig {
  return {
    id: tenantId === undefined ? name : `${tenantId}/${name}`,
    tenantId,
    events: events as SinkConfig['events'],
    choice: { kind, settings } as SinkChoice,
  };
}

/** Processes do not write into one file: the second of several writes into `audit-2.ndjson` where `audit.ndjson` is configured. */
function ofProcess(sink: SinkConfig, processNumber: number): SinkConfig {
  const { choice } = sink;
  if (choice.kind !== 'file' || processNumber === 1) return sink;
  const { dir, name, ext } = parse(choice.settings.path);
  return { ...sink, choice: { ...choice, settings: { ...choice.settings, path: join(dir, `${name}-${processNumber}${ext}`) } } };
}

function keyEvent(event: Parameters<KmsWatch['ended']>[0]): KeyEvent {
  const { tenantId, configurationId, keyVersion, provider, outcome, durationMs, traceId, isRefresh } = event;
  const asked = isRefresh ? 'refresh' : 'open';
  return {
    kind: 'key',
    tenantId,
    action: REFUSALS.has(outcome) ? 'refuse' : asked,
    keyId: parseKeyConfigurationId(configurationId),
    keyVersion,
    provider,
    traceId: traceId ?? '',
    outcome,
    durationMs,
  };
}

/** Of what is in force for a tenant: sets and maps in the order of their keys, without what only this process knows. */
function digestOf({ generation: _generation, servedFrom: _servedFrom, ...content }: Tenant): string {
  const text = JSON.stringify(content, (_name, value: unknown) => {
    if (value instanceof Set) return [...value].sort();
    return value instanceof Map ? [...value].sort(([one], [other]) => (one < other ? -1 : 1)) : value;
  });
  return hash('sha256', text, 'hex');
}

function sinkState(status: SinkStatus, nowMs: number): AuditSinkState {
  const { id, kind, tenantId, deliveredRecords, rejectedRecords, waitingBytes, oldestWaitingMs, isDelivered, failure } = status;
  return {
    id,
    kind,
    tenantId,
    deliveredRecords,
    rejectedRecords,
    lagBytes: waitingBytes,
    lagMs: isDelivered || oldestWaitingMs === undefined ? 0 : Math.max(0, nowMs - oldestWaitingMs),
    isFailing: failure !== undefined,
  };
}
