import { join } from 'node:path';
import { errorFields } from '../telemetry/error-fields.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type CourierStatus, STATUS_FILE, sinkStatus } from './courier-status.ts';
import { Cursors, replaceFile, sinkFileName } from './cursors.ts';
import { Delivery, type SinkTarget } from './delivery.ts';
import type { FileLayer } from './file-layer.ts';
import { isBefore, type PassedOver, type ScannedRecord, SegmentScan } from './segment-scan.ts';
import { listSegments, type Segment } from './segments.ts';
import type { SinkRecord } from './sink.ts';
import { NOTHING_NEEDED, type SpoolPosition, type SpoolProgress } from './spool-position.ts';

/** How often cursors are saved and the status is told, in milliseconds. What was delivered since is delivered again after a crash. */
const SAVE_MS = 1_000;
const IDLE_WAIT_MS = 1_000;
const BEGINNING: SpoolPosition = { segment: 0, offset: 0 };

export interface CourierOptions {
  readonly files: FileLayer;
  /** The spool's. */
  readonly directory: string;
  readonly progress: SpoolProgress;
  readonly logger: Logger;
  /** How far a tenant's sink may be behind and still keep segments from being deleted, in bytes. */
  readonly maxTenantLagBytes: number;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly onStatus?: (status: CourierStatus) => void;
}

/** What a sink was not given by the end of a drain. */
export interface Remainder {
  readonly sinkId: string;
  readonly bytes: number;
}

interface Entry {
  readonly delivery: Delivery;
  /** Behind the last record that was taken. */
  cursor: SpoolPosition;
  saved: SpoolPosition;
  /** Where its next record is looked for; undefined where it is given records as they become durable. */
  resumeAt: SpoolPosition | undefined;
  isLeftBehind: boolean;
}

/**
 * Brings records from the spool to the sinks. One scan follows what becomes durable and gives each record to those who want it; a sink
 * that is slower than that falls behind, and a second scan serves all who are behind, as far as they have room.
 */
export class Courier {
  readonly #options: CourierOptions;
  readonly #cursors: Cursors;
  readonly #live: SegmentScan;
  readonly #entries = new Map<string, Entry>();
  readonly #timer: NodeJS.Timeout;
  #isStopped = false;
  /** Before that it is not known what is still needed, and nothing is said of it. */
  #hasTargets = false;
  /** Or had some once: who reads the status learns that they are gone. */
  #hasSinks = false;
  #stirred = Promise.withResolvers<void>();
  #saving: Promise<void> | undefined;
  readonly #running: Promise<unknown>;

  private constructor(options: CourierOptions, cursors: Cursors) {
    this.#options = options;
    this.#cursors = cursors;
    this.#live = this.#scanFrom(options.progress.durable);
    this.#timer = setInterval(() => void this.#save(), SAVE_MS).unref();
    this.#running = Promise.all([this.#follow(), this.#catchUp()]);
  }

  /** Starts a courier with the sinks there are now. */
  static async start(options: CourierOptions, targets: readonly SinkTarget[]): Promise<Courier> {
    const cursors = new Cursors(options.files, options.directory);
    await cursors.prepare();
    const courier = new Courier(options, cursors);
    await courier.setTargets(targets);
    return courier;
  }

  /** Replaces the sinks. One with the id of a former one goes on where that was. One at a time. */
  async setTargets(targets: readonly SinkTarget[]): Promise<void> {
    const former = [...this.#entries.values()];
    await Promise.allSettled(former.map(({ delivery }) => delivery.stop()));
    await this.#save();
    const entries: [string, Entry][] = [];
    for (const target of targets) {
      const known = this.#entries.get(target.id)?.cursor ?? (await this.#cursorOf(target.id));
      const isBeyond = known !== undefined && isBefore(this.#options.progress.durable, known);
      const from = known === undefined || isBeyond ? BEGINNING : known;
      const delivery = new Delivery(target, this.#hooks(target));
      entries.push([target.id, { delivery, cursor: from, saved: from, resumeAt: from, isLeftBehind: false }]);
    }
    // At once: with a sink missing for a moment, segments that it needs could be deleted.
    this.#entries.clear();
    for (const [id, entry] of entries) this.#entries.set(id, entry);
    this.#hasTargets = true;
    await this.#save();
    this.#stir();
  }

  /** Delivers without waiting for full batches until everything is delivered or the time is over. Returns what is left. */
  async drain(timeoutMs: number): Promise<readonly Remainder[]> {
    const endsAt = performance.now() + timeoutMs;
    for (const { delivery } of this.#entries.values()) delivery.hurry();
    while (performance.now() < endsAt && !this.#isAllDelivered()) await new Promise((resolve) => setTimeout(resolve, 10));
    const segments = await this.#segments();
    return [...this.#entries]
      .filter(([, entry]) => !this.#isDelivered(entry))
      .map(([sinkId, entry]) => ({ sinkId, bytes: this.#bytesAfter(entry.cursor, segments) }));
  }

  /** Aborts what is under way, saves the cursors and closes the sinks. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#stir();
    this.#options.progress.wake();
    await Promise.all([...this.#entries.values()].map(({ delivery }) => delivery.stop()));
    await this.#running;
    await this.#save();
  }

  async status(): Promise<CourierStatus> {
    const segments = await this.#segments();
    return {
      writtenAtMs: Date.now(),
      spoolBytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
      sinks: [...this.#entries.values()].map((entry) =>
        sinkStatus(entry.delivery, {
          isDelivered: this.#isDelivered(entry),
          waitingBytes: this.#isDelivered(entry) ? 0 : this.#bytesAfter(entry.cursor, segments),
        }),
      ),
    };
  }

  /** A cursor that cannot be read holds nothing back: its sink begins with the oldest record. */
  async #cursorOf(id: string): Promise<SpoolPosition | undefined> {
    try {
      return await this.#cursors.read(id);
    } catch (error) {
      this.#options.logger.log('error', 'where a sink of the audit trail is cannot be read; it begins with the oldest record', {
        sink: id,
        ...errorFields(error),
      });
      return undefined;
    }
  }

  async #follow(): Promise<void> {
    const { progress } = this.#options;
    while (!this.#isStopped) {
      await this.#guarded(async () => {
        while (!this.#isStopped && (await this.#live.next(progress.durable, (record) => this.#offer(record))));
      });
      await progress.moreThan(this.#live.position, IDLE_WAIT_MS);
    }
  }

  #offer(record: ScannedRecord): void {
    for (const entry of this.#entries.values()) {
      if (entry.resumeAt === undefined && entry.delivery.wants(record)) give(entry, record);
    }
  }

  async #catchUp(): Promise<void> {
    while (!this.#isStopped) {
      const stirred = this.#stirred.promise;
      const behind = [...this.#entries.values()].filter(({ resumeAt, delivery }) => resumeAt !== undefined && delivery.hasRoom);
      if (behind.length === 0) await stirred;
      else await this.#guarded(() => this.#serve(behind));
    }
  }

  /** One scan for all who are behind, from where the first of them is, until they are up to date or have no room. */
  async #serve(behind: readonly Entry[]): Promise<void> {
    const served = new Set(behind);
    const scan = this.#scanFrom(behind.map(({ resumeAt }) => resumeAt as SpoolPosition).reduce(earlier));
    while (!this.#isStopped && served.size > 0) {
      // No await between the comparison and the change: what becomes durable next is given to them by the other scan.
      if (!isBefore(scan.position, this.#live.position)) {
        for (const entry of served) entry.resumeAt = undefined;
        return;
      }
      await scan.next(this.#live.position, (record) => {
        for (const entry of served) {
          if (isBefore(record.begin, entry.resumeAt as SpoolPosition) || !entry.delivery.wants(record)) continue;
          if (!give(entry, record)) served.delete(entry);
        }
      });
    }
  }

  #hooks({ id, sink }: SinkTarget): ConstructorParameters<typeof Delivery>[1] {
    const { logger, random } = this.#options;
    let failing: string | undefined;
    return {
      random,
      hasRoom: () => this.#stir(),
      delivered: async ({ through }) => {
        const entry = this.#entries.get(id);
        if (entry !== undefined) entry.cursor = through;
        if (failing !== undefined) logger.log('info', 'a sink of the audit trail takes records again', { sink: id });
        failing = undefined;
      },
      rejected: (record, reason) => this.#keepUndelivered(id, record, reason),
      failed: (error, pauseMs) => {
        if (failing === error.failure) return;
        failing = error.failure;
        logger.log('warn', 'a sink of the audit trail does not take records', {
          sink: id,
          kind: sink.kind,
          failure: error.failure,
          error: error.message,
          retryInMs: Math.round(pauseMs),
        });
      },
    };
  }

  /** What a sink will never take is kept beside the spool for people. */
  async #keepUndelivered(sinkId: string, record: SinkRecord, reason: string): Promise<void> {
    const { files, directory, logger } = this.#options;
    logger.log('error', 'a sink of the audit trail will never take a record', { sink: sinkId, record: record.id, reason });
    const folder = join(directory, 'undelivered');
    await files.makeDirectory(folder);
    const line = `${JSON.stringify({ reason, record: JSON.parse(new TextDecoder().decode(record.line)) })}\n`;
    await files.append(join(folder, `${sinkFileName(sinkId)}.ndjson`), new TextEncoder().encode(line));
  }

  /** One at a time; who asks meanwhile waits for one that begins afterwards. */
  async #save(): Promise<void> {
    const former = this.#saving;
    const saving = (async () => {
      await former;
      await this.#guarded(() => this.#saveNow());
    })();
    this.#saving = saving;
    await saving;
  }

  async #saveNow(): Promise<void> {
    const segments = await this.#segments();
    let needed = NOTHING_NEEDED;
    for (const [id, entry] of this.#entries) {
      // Of a sink that waits for the next record everything before it is done, whether it wanted it or not.
      const isUpToDate = this.#isUpToDate(entry);
      if (isUpToDate) entry.cursor = this.#live.position;
      const { cursor, saved } = entry;
      const isWorthIt = !isUpToDate || cursor.segment !== saved.segment || this.#isStopped;
      if (isBefore(saved, cursor) && isWorthIt) {
        await this.#cursors.write(id, cursor);
        entry.saved = cursor;
      }
      if (!this.#isLeftBehind(entry, segments)) needed = Math.min(needed, entry.saved.segment);
    }
    const { progress, files, directory, onStatus } = this.#options;
    if (this.#hasTargets) progress.needed = needed;
    const status = await this.status();
    this.#hasSinks ||= this.#entries.size > 0;
    if (this.#hasSinks)
      await replaceFile(files, join(directory, STATUS_FILE), { bytes: new TextEncoder().encode(JSON.stringify(status)) });
    onStatus?.(status);
  }

  /** A tenant's sink that takes nothing must not fill the spool for all: beyond its share the oldest records go without it. */
  #isLeftBehind(entry: Entry, segments: readonly Segment[]): boolean {
    const { target } = entry.delivery;
    const waitingBytes = this.#bytesAfter(entry.saved, segments);
    const isLeftBehind = target.tenantId !== undefined && waitingBytes > this.#options.maxTenantLagBytes;
    if (isLeftBehind && !entry.isLeftBehind) {
      this.#options.logger.log('error', "a tenant's sink is so far behind that its records may be deleted before it takes them", {
        sink: target.id,
        waitingBytes,
      });
    }
    entry.isLeftBehind = isLeftBehind;
    return isLeftBehind;
  }

  #isUpToDate({ resumeAt, delivery }: Entry): boolean {
    return resumeAt === undefined && delivery.isIdle;
  }

  #isDelivered(entry: Entry): boolean {
    return this.#isUpToDate(entry) && !isBefore(this.#live.position, this.#options.progress.durable);
  }

  #isAllDelivered(): boolean {
    return [...this.#entries.values()].every((entry) => this.#isDelivered(entry));
  }

  #segments(): Promise<readonly Segment[]> {
    return listSegments(this.#options.files, this.#options.directory);
  }

  #bytesAfter(cursor: SpoolPosition, segments: readonly Segment[]): number {
    return segments
      .filter(({ number }) => number >= cursor.segment)
      .reduce((sum, { number, bytes }) => sum + (number === cursor.segment ? Math.max(0, bytes - cursor.offset) : bytes), 0);
  }

  #scanFrom(position: SpoolPosition): SegmentScan {
    const { files, directory } = this.#options;
    return new SegmentScan({ files, directory, onPassedOver: (passed) => this.#passedOver(passed) }, position);
  }

  #passedOver({ segment, offset, why }: PassedOver): void {
    const level = why === 'torn' ? 'info' : 'error';
    this.#options.logger.log(level, 'part of the spool of the audit trail is no record', { segment, offset, why });
  }

  #stir(): void {
    this.#stirred.resolve();
    this.#stirred = Promise.withResolvers<void>();
  }

  /** A disk that fails for a moment must not end the courier: it looks again a second later. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.logger.log('error', 'the courier of the audit trail could not use the spool', errorFields(error));
      if (!this.#isStopped) await new Promise((resolve) => setTimeout(resolve, IDLE_WAIT_MS));
    }
  }
}

/** Gives the record, or remembers where to go on when there is room again: false then. */
function give(entry: Entry, record: ScannedRecord): boolean {
  const { hasRoom } = entry.delivery;
  if (hasRoom) entry.delivery.push(record);
  if (!hasRoom) entry.resumeAt = record.begin;
  else if (entry.resumeAt !== undefined) entry.resumeAt = record.end;
  return hasRoom;
}

function earlier(one: SpoolPosition, other: SpoolPosition): SpoolPosition {
  return isBefore(other, one) ? other : one;
}
