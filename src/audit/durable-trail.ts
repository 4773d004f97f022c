import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { KeysideError } from '../core/errors.ts';
import { errorFields } from '../telemetry/error-fields.ts';
import { Chains } from './chain.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { replaceFile } from './cursors.ts';
import type { AuditEvent } from './event.ts';
import type { FileLayer } from './file-layer.ts';
import { chainOf, recordLine } from './ocsf.ts';
import type { RecordSource } from './record-place.ts';
import { type Recovery, recoverFormerStart } from './recovery.ts';
import { SigningKey } from './signing-key.ts';
import { Spool, type SpoolOptions } from './spool.ts';
import { SpoolLock } from './spool-lock.ts';
import type { SpoolProgress } from './spool-position.ts';
import type { AuditTrail } from './trail.ts';

/** What may wait in memory to be written: at most what the calls in flight record, and more while a disk is slow. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;
/** Longest record, in characters: far below what a frame holds, whatever the characters. */
const MAX_LINE = 512 * 1024;
const TIDY_MS = 60_000;
const SIDECAR_FILE = 'sidecar-id';

export interface DurableTrailOptions extends Pick<SpoolOptions, 'segmentBytes' | 'maxBytes' | 'maxAgeMs' | 'files' | 'logger'> {
  readonly mode: 'required' | 'async';
  /** Absolute. */
  readonly directory: string;
  /** In mode `async`, how long a record may wait until it is written, in milliseconds. */
  readonly asyncWindowMs: number;
  readonly checkpointIntervalMs: number;
  /** Undefined: a key of the directory's own, made where there is none. */
  readonly signingKeyFile: string | undefined;
  /** The daemon's. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly onCommit?: SpoolOptions['onCommit'];
}

/** The audit trail as a daemon keeps it: numbered, chained, written ahead, and signed now and then. */
export class DurableTrail implements AuditTrail {
  readonly mode: 'required' | 'async';
  readonly source: RecordSource;
  /** How the run before this one in the directory ended; undefined where there was none. */
  readonly former: Recovery | undefined;
  readonly #options: DurableTrailOptions;
  readonly #lock: SpoolLock;
  readonly #key: SigningKey;
  readonly #chains: Chains;
  readonly #spool: Spool;
  readonly #timers: readonly NodeJS.Timeout[];
  #checkpoint: Promise<void> | undefined;

  private constructor(
    options: DurableTrailOptions,
    built: { lock: SpoolLock; key: SigningKey; source: RecordSource; spool: Spool; former: Recovery | undefined },
  ) {
    this.#options = options;
    this.mode = options.mode;
    this.source = built.source;
    this.#lock = built.lock;
    this.#key = built.key;
    this.#spool = built.spool;
    this.former = built.former;
    this.#chains = new Chains(built.source);
    this.#timers = [
      setInterval(() => void this.#checkpointNow().catch(() => undefined), options.checkpointIntervalMs).unref(),
      setInterval(() => void this.#tidy(), TIDY_MS).unref(),
    ];
  }

  /**
   * Takes the directory, signs what a former run left without proof, and is ready to record.
   * @throws {Error} where the directory is another daemon's, or cannot be used
   */
  static async open(options: DurableTrailOptions): Promise<DurableTrail> {
    const { directory, files, version, mode, signingKeyFile, now } = options;
    await files.makeDirectory(directory);
    const lock = await SpoolLock.take(directory);
    try {
      const key = signingKeyFile === undefined ? await SigningKey.inDirectory(directory) : await SigningKey.read(signingKeyFile);
      await key.publish(directory);
      const source = { sidecar: await sidecarId(files, directory), start: randomBytes(16).toString('hex'), version };
      const common = {
        ...options,
        maxPendingBytes: MAX_PENDING_BYTES,
        commitDelayMs: mode === 'async' ? options.asyncWindowMs : 0,
        sidecar: source.sidecar,
        assertHeld: () => lock.assertHeld(),
      };
      const recovery = await recoverFormerStart({ ...common, key, version, now });
      const spool = await Spool.open({ ...common, start: source.start });
      const trail = new DurableTrail(options, { lock, key, source, spool, former: recovery });
      if (recovery?.checkpoint !== undefined || (recovery?.tornBytes ?? 0) > 0) trail.#tellOf(recovery as Recovery);
      return trail;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** The id of the key that signs checkpoints. */
  get keyId(): string {
    return this.#key.public.id;
  }

  /** What the courier follows. */
  get progress(): SpoolProgress {
    return this.#spool.progress;
  }

  /** Whether records are taken. */
  get isAvailable(): boolean {
    return this.#spool.isAvailable;
  }

  /** For metrics. */
  get pendingBytes(): number {
    return this.#spool.pendingBytes;
  }

  /** For metrics. */
  get spoolBytes(): number {
    return this.#spool.bytes;
  }

  assertAvailable(): void {
    this.#spool.assertAvailable();
  }

  record(event: AuditEvent): string {
    this.#spool.assertAvailable();
    const timeMs = this.#options.now();
    const tenantId = chainOf(event);
    const { sequence, line } = this.#chains.append(tenantId, timeMs, (place) => {
      const composed = recordLine(event, place, this.source);
      if (composed.length <= MAX_LINE) return composed;
      throw new KeysideError(
        'REQUEST_INVALID',
        `the audit record would have ${composed.length} characters, the limit is ${MAX_LINE}`,
      );
    });
    this.#spool.append({ kind: event.kind, sequence, timeMs, tenantId }, line);
    return `${this.source.start}-${sequence}`;
  }

  settled(): Promise<void> | undefined {
    return this.mode === 'required' ? this.#spool.settled() : undefined;
  }

  /**
   * Signs what was recorded since the last checkpoint and makes everything durable.
   * @throws {KeysideError} AUDIT_UNAVAILABLE
   */
  async seal(): Promise<void> {
    await this.#checkpoint?.catch(() => undefined); // whatever it could not sign, the next one does
    await this.#checkpointNow();
    await this.#spool.flush();
  }

  /** Closes the spool and gives the directory back. Rejects where records were not made durable. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    try {
      await this.#checkpoint?.catch(() => undefined);
      await this.#spool.close();
    } finally {
      await this.#lock.release();
    }
  }

  #tellOf({ start, records, tornBytes, checkpoint }: Recovery): void {
    const facts = { start, records, tornBytes, ...(checkpoint === undefined ? {} : { checkpoint: checkpoint.checkpoint }) };
    this.#options.logger.log('warn', 'the audit trail of a run that ended without a farewell was signed', facts);
    this.record({ kind: 'lifecycle', action: 'recover', facts });
  }

  #checkpointNow(): Promise<void> {
    this.#checkpoint ??= this.#sign().finally(() => {
      this.#checkpoint = undefined;
    });
    return this.#checkpoint;
  }

  async #sign(): Promise<void> {
    try {
      await writeCheckpoint({ chains: this.#chains, key: this.#key, log: this.#spool, now: this.#options.now });
    } catch (error) {
      this.#options.logger.log('error', 'a checkpoint of the audit trail could not be written', errorFields(error));
      throw error;
    }
  }

  async #tidy(): Promise<void> {
    try {
      await this.#spool.tidy();
    } catch (error) {
      this.#options.logger.log('error', 'old segments of the audit trail could not be deleted', errorFields(error));
    }
  }
}

/** Stable as long as the directory is: a sidecar is known by it. */
async function sidecarId(files: FileLayer, directory: string): Promise<string> {
  const path = join(directory, SIDECAR_FILE);
  try {
    const text = new TextDecoder().decode(await files.read(path, 0, 64)).trim();
    if (/^[A-Za-z0-9_-]{8,64}$/.test(text)) return text;
    throw new Error(`${path} holds no sidecar id: remove it to begin with a new one`);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const made = randomBytes(8).toString('hex');
  await replaceFile(files, path, { bytes: new TextEncoder().encode(`${made}\n`), isDurable: true });
  await files.syncDirectory(directory);
  return made;
}
