import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { readPublicKeys } from '../../src/audit/signing-key.ts';
import { verifyFiles } from '../../src/audit/verify.ts';
import { type AuditedDaemon, AuditedPlace } from './audited-daemon.ts';
import { compare, faultsOf, missing, unprovenOf } from './judge.ts';
import { readSegments, segmentFiles } from './kept-records.ts';
import { Ledger } from './ledger.ts';
import { Load } from './load.ts';
import { Stored } from './mixed-calls.ts';
import { between, type Random } from './random.ts';

export type CrashMode = 'required' | 'async';

/** What an asynchronous trail may lose: its window, and what a loaded machine adds to it. */
const ASYNC_WINDOW_MS = 200;
const ASYNC_SLACK_MS = 2_000;

const FILE_SINK = 'delivered.ndjson';

/** How the daemon is taken away. */
interface Kill {
  /** Under load, for so long after the first answer; before it listens, for so long after it was started. */
  readonly afterMs: number;
  readonly isStarting: boolean;
  /** In the instant in which the next answer has come: what was answered too early is most probably lost then. */
  readonly isAtAnswer: boolean;
  /** What a write leaves behind that was cut short by a loss of power, after the kill. */
  readonly tearsSpool: boolean;
  readonly tearsSink: boolean;
}

export interface RoundSeen {
  readonly kill: Kill;
  readonly acknowledged: number;
  readonly unanswered: number;
  readonly records: number;
  readonly missing: number;
  /** Age of the oldest operation that was answered and lost, when the daemon was killed. */
  readonly oldestMissingMs: number;
  readonly problems: readonly string[];
}

/** Kills of a daemon under load, one after the other, over the same audit directory. */
export class CrashRun {
  readonly place: AuditedPlace;
  readonly sinkFile: string;
  readonly #mode: CrashMode;
  readonly #random: Random;
  readonly #stored = new Stored();
  #daemon: AuditedDaemon | undefined;
  #round = 0;
  /** Starts that have ended, and whose records were judged. */
  readonly #judged = new Set<string>();

  private constructor(place: AuditedPlace, mode: CrashMode, random: Random) {
    this.place = place;
    this.sinkFile = `${place.folder}/${FILE_SINK}`;
    this.#mode = mode;
    this.#random = random;
  }

  static async begin(mode: CrashMode, random: Random): Promise<CrashRun> {
    const audit = `{ mode: ${mode}, asyncWindow: ${ASYNC_WINDOW_MS}ms, segmentBytes: 1MiB, checkpointInterval: 1s, sinks: [{ name: file, kind: file, file: { path: ${FILE_SINK} } }] }`;
    return new CrashRun(await AuditedPlace.make({ audit, more: 'drain: { timeout: 30s }' }), mode, random);
  }

  /** Loads a daemon, kills it, starts the next one, and judges what is on record. */
  async round(): Promise<RoundSeen> {
    this.#round += 1;
    const { place } = this;
    const daemon = this.#daemon ?? (await place.start());
    const ledger = new Ledger();
    const kill = this.#nextKill();
    const load = new Load({
      address: daemon.tcp,
      ledger,
      stored: this.#stored,
      random: this.#random,
      name: `round-${this.#round}`,
    });
    await load.isAnswered();
    await pause(kill.afterMs);
    const killedAtMs = await killed(daemon, kill.isAtAnswer ? ledger : undefined);
    await load.end();
    if (kill.tearsSpool) this.#tearSpool();
    if (kill.tearsSink) this.#tearSink();
    if (kill.isStarting) await this.#killWhileStarting();
    this.#daemon = await place.start();
    return await this.#judge({ kill, ledger, running: this.#daemon, killedAtMs });
  }

  /** Tells the last daemon to end; whether it ended well. */
  async end(): Promise<boolean> {
    return (await this.#daemon?.endsWell()) ?? false;
  }

  #nextKill(): Kill {
    const longestMs = this.#mode === 'async' ? 3_000 : 1_500;
    // The moments are random; that a few kills have seen everything is not.
    return {
      afterMs: between(this.#random, 0, longestMs),
      isStarting: this.#round % 5 === 3,
      isAtAnswer: this.#round % 2 === 1,
      tearsSpool: this.#round % 3 === 1,
      tearsSink: this.#round % 4 === 2,
    };
  }

  /** The next daemon is killed as well, perhaps while it signs what the one before left. */
  async #killWhileStarting(): Promise<void> {
    const daemon = this.place.spawn();
    await pause(between(this.#random, 50, 1_200));
    await daemon.kill();
  }

  /** Behind the last record that is whole: the beginning of a frame that was never acknowledged. */
  #tearSpool(): void {
    const last = segmentFiles(this.place.spool).at(-1);
    const bytes = last === undefined ? Buffer.alloc(0) : readFileSync(last);
    // A daemon that had no time for a header has left nothing to go on from.
    if (last === undefined || bytes.length < 8) return;
    const frame = bytes.subarray(0, 8 + bytes.readUInt32BE(0));
    appendFileSync(last, frame.subarray(0, between(this.#random, 1, frame.length - 1)));
  }

  /** Behind the last line: the beginning of another, whose delivery was not completed. */
  #tearSink(): void {
    const text = existsSync(this.sinkFile) ? readFileSync(this.sinkFile, 'utf8') : '';
    const line = text.slice(0, text.indexOf('\n'));
    if (text.endsWith('\n')) appendFileSync(this.sinkFile, line.slice(0, between(this.#random, 1, line.length - 1)));
  }

  async #judge({ kill, ledger, running, killedAtMs }: Ended): Promise<RoundSeen> {
    const segments = readSegments(this.place.spool).filter(({ start }) => start !== undefined && !this.#judged.has(start));
    const present = running.log.find(({ message }) => message === 'the audit trail begins')?.start;
    const ended = new Set(segments.map(({ start }) => start as string).filter((start) => start !== present));
    for (const start of ended) this.#judged.add(start);
    const records = segments.flatMap((segment) => segment.records);
    const lost = missing(ledger, records);
    const isAsync = this.#mode === 'async';
    const problems = compare(ledger, records, ({ atMs }) => isAsync && killedAtMs - atMs <= ASYNC_WINDOW_MS + ASYNC_SLACK_MS);
    // An asynchronous trail may have lost all that a short life recorded: there is nothing to prove then.
    if (ended.size > 0) {
      const files = segments.map(({ file }) => file);
      const report = await verifyFiles(files, { trusted: readPublicKeys(readFileSync(this.place.publicKeyFile, 'utf8')) });
      problems.push(...faultsOf(report), ...unprovenOf(report, ended));
    }
    return {
      kill,
      acknowledged: ledger.acknowledged.size,
      unanswered: ledger.unanswered,
      records: records.length,
      missing: lost.length,
      oldestMissingMs: Math.max(0, ...lost.map(({ atMs }) => killedAtMs - atMs)),
      problems,
    };
  }
}

/** Kills it now, or with the next answer that the ledger is told of; when that was. */
async function killed(daemon: AuditedDaemon, ledger: Ledger | undefined): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const kill = (): void => {
    const atMs = performance.now();
    daemon.kill().then(() => resolve(atMs), reject);
  };
  if (ledger === undefined) kill();
  else ledger.atNextAnswer(kill);
  return await promise;
}

/** A round whose next daemon runs already. */
interface Ended {
  readonly kill: Kill;
  readonly ledger: Ledger;
  readonly running: AuditedDaemon;
  readonly killedAtMs: number;
}
