import { SequenceSet } from './sequence-set.ts';
import type { VerificationKey } from './signing-key.ts';
import { ChainCheck, type ChainOptions, type Fault, type RecentHashes } from './verify-chain.ts';
import { CheckpointCheck } from './verify-checkpoint.ts';
import type { Lacking } from './verify-counts.ts';
import { type Found, type FoundLine, readAuditFile } from './verify-input.ts';
import { inReadingOrder } from './verify-order.ts';
import { parseRecord, type RecordFacts } from './verify-record.ts';
import { reportOf, type VerifyReport } from './verify-report.ts';
import type { StartBeginning } from './verify-unproven.ts';

export interface VerifyOptions {
  /** Whose signatures count; undefined: anybody's, and the verdict says so. */
  readonly trusted?: readonly VerificationKey[] | undefined;
  /** The files may begin after the first records of a chain; chains may be missing that no file has beside others. */
  readonly isPartial?: boolean | undefined;
  /** A repeated record further back than this many records is compared by what follows it; default 65,536. */
  readonly recentRecords?: number;
}

/**
 * Says whether the records of these files are all there, in order and as they were written, up to the last checkpoint of each chain.
 * The files may be segments of a spool, newline JSON, and that compressed with gzip, in any order and mixture; within a file the order
 * of records counts. Where the daemon's own records and tenants' are among them, no tenant's may be missing.
 * Reads them piece by piece: memory grows with the number of chains, by 24 bytes for each checkpoint, and by an eighth of a byte for
 * each record.
 * @throws {Error} as `node:fs` does, where a file cannot be read
 */
export async function verifyFiles(files: readonly string[], options: VerifyOptions = {}): Promise<VerifyReport> {
  const verification = new Verification(options);
  for (const file of await inReadingOrder(files)) {
    verification.beginFile();
    for await (const found of readAuditFile(file)) for (const each of found) verification.take(each);
  }
  return verification.end(files.length);
}

const RECENT_RECORDS = 65_536;

/** One start of a sidecar. */
interface Start extends StartBeginning {
  readonly chains: Map<string, ChainCheck>;
  /** Of all chains together. */
  readonly sequences: SequenceSet;
  readonly first: number;
  /** Some file has the daemon's own records beside a tenant's. */
  hasBothInOneFile: boolean;
}

/** What is known of a start within the file that is being read. */
interface StartInFile {
  last: number;
  hasOwn: boolean;
  hasTenants: boolean;
}

class Verification {
  readonly #isPartial: boolean;
  readonly #hasTrust: boolean;
  readonly #checkpoints: CheckpointCheck;
  readonly #starts = new Map<string, Start>();
  readonly #recent: Recent;
  readonly #chainOptions: ChainOptions;
  #inFile = new Map<string, StartInFile>();
  #first: Fault | undefined;
  #faults = 0;
  #notCanonical = 0;

  constructor({ trusted, isPartial = false, recentRecords = RECENT_RECORDS }: VerifyOptions) {
    this.#recent = new Recent(recentRecords);
    this.#isPartial = isPartial;
    this.#hasTrust = trusted !== undefined;
    this.#checkpoints = new CheckpointCheck(trusted);
    this.#chainOptions = { isPartial, checkpoints: this.#checkpoints, recent: this.#recent };
  }

  beginFile(): void {
    this.#inFile = new Map();
  }

  take(found: Found): void {
    const record = 'line' in found ? parseRecord(found.line) : found;
    if ('unreadable' in record) this.#report({ place: found.place, what: record.unreadable });
    else if ('line' in found) this.#takeRecord(record, found);
  }

  #takeRecord(record: RecordFacts, found: FoundLine): void {
    const misframed = frameFault(found, record);
    if (misframed !== undefined) this.#report({ ...ofRecord(record), place: found.place, what: misframed });
    if (!record.isCanonical) this.#notCanonical += 1;
    const start = this.#startOf(record);
    const chain = start.chains.get(record.tenantId) ?? new ChainCheck(record, this.#chainOptions);
    start.chains.set(record.tenantId, chain);
    const taken = chain.take(record, found.place, (fault) => this.#report(fault));
    if (taken === 'repeated') return;
    this.#recent.add(record);
    this.#takeSequence(start, record, found);
  }

  end(files: number): VerifyReport {
    const starts = [...this.#starts.values()];
    const chains = starts.flatMap((start) => [...start.chains.values()]);
    for (const chain of chains) chain.end((fault) => this.#report(fault));
    const whole = this.#wholeStarts();
    for (const [id, start] of whole) this.#endWhole(id, start);
    if (chains.length === 0 && this.#first === undefined) this.#report({ place: { file: 'the input' }, what: 'has no records' });
    return reportOf({
      files,
      chains,
      beginnings: this.#starts,
      compared: { starts: whole.length, of: starts.length },
      fault: this.#first,
      faults: this.#faults,
      notCanonical: this.#notCanonical,
      signers: this.#checkpoints.signers,
      hasTrust: this.#hasTrust,
    });
  }

  #startOf({ start: id, sidecar, sequence, timeMs }: RecordFacts): Start {
    const known = this.#starts.get(id);
    if (known !== undefined) return known;
    const first = this.#isPartial ? sequence : 1;
    const chains = new Map<string, ChainCheck>();
    const start: Start = { sidecar, timeMs, chains, sequences: new SequenceSet(), first, hasBothInOneFile: false };
    this.#starts.set(id, start);
    return start;
  }

  /** The order over all chains of a sidecar. */
  #takeSequence(start: Start, record: RecordFacts, { place }: FoundLine): void {
    const { sequence, tenantId } = record;
    const inFile = this.#inFile.get(record.start) ?? { last: 0, hasOwn: false, hasTenants: false };
    this.#inFile.set(record.start, inFile);
    if (!start.sequences.add(sequence)) {
      this.#report({ ...ofRecord(record), place, what: `has number ${sequence} of the sidecar, as a record before it has` });
    } else if (sequence < inFile.last) {
      this.#report({
        ...ofRecord(record),
        place,
        what: `is record ${sequence} of the sidecar, after ${inFile.last}: out of order`,
      });
    }
    inFile.last = Math.max(inFile.last, sequence);
    if (tenantId === '') inFile.hasOwn = true;
    else inFile.hasTenants = true;
    start.hasBothInOneFile ||= inFile.hasOwn && inFile.hasTenants;
  }

  /**
   * The starts of which all of the sidecar's records should be there: all, where the daemon's own records and tenants' are among the
   * files, since who has both has an archive of everybody; parts of files, those of which one file has both.
   */
  #wholeStarts(): readonly (readonly [string, Start])[] {
    const starts = [...this.#starts];
    if (this.#isPartial) return starts.filter(([, { hasBothInOneFile }]) => hasBothInOneFile);
    const hasOwn = starts.some(([, { chains }]) => chains.has(''));
    const hasTenants = starts.some(([, { chains }]) => chains.size > (chains.has('') ? 1 : 0));
    return hasOwn && hasTenants ? starts : [];
  }

  /** Reports chains and records of the sidecar that are missing. */
  #endWhole(id: string, { chains, sequences, first }: Start): void {
    const input = { place: { file: 'the input' }, start: id };
    // A chain with a fault proves nothing any more: it would be counted as missing.
    if (![...chains.values()].some(({ isBroken }) => isBroken)) {
      const lacking = this.#checkpoints.lacking(id, first - 1);
      if (lacking !== undefined) this.#report({ ...input, what: lackingText(id, lacking) });
    }
    const missing = sequences.firstMissing(first);
    if (missing !== undefined) {
      this.#report({ ...input, what: `lacks record ${missing} of the sidecar in start ${id}, of whatever chain` });
    }
  }

  #report(fault: Fault): void {
    this.#first ??= fault;
    this.#faults += 1;
  }
}

/** The hashes of the records that were read last. */
class Recent implements RecentHashes {
  readonly #hashes = new Map<string, string>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(record: RecordFacts): string | undefined {
    return this.#hashes.get(keyOf(record));
  }

  add(record: RecordFacts): void {
    this.#hashes.set(keyOf(record), record.hash);
    if (this.#hashes.size <= this.#limit) return;
    for (const oldest of this.#hashes.keys()) {
      this.#hashes.delete(oldest);
      return;
    }
  }
}

function keyOf({ start, tenantId, chainSequence }: RecordFacts): string {
  return `${start}/${chainSequence}/${tenantId}`;
}

function ofRecord({ tenantId, start, chainSequence }: RecordFacts): Pick<Fault, 'tenantId' | 'start' | 'record'> {
  return { tenantId, start, record: chainSequence };
}

function lackingText(start: string, { checkpoint, chains, seen, others }: Lacking): string {
  // Never fewer than two: one chain alone is the daemon's own, and that is here.
  const is = `checkpoint ${checkpoint} of start ${start} is over ${chains} chains, ${seen} ${seen === 1 ? 'is' : 'are'} here`;
  return `lacks chains: ${is}${others === 0 ? '' : `; later ones lack chains too: ${others}`}`;
}

/** A segment's frame says again what its record says. */
function frameFault(
  { frame }: FoundLine,
  { start, sidecar, sequence, tenantId, kind, timeMs, isCanonical }: RecordFacts,
): string | undefined {
  if (frame === undefined) return undefined;
  const { header, record } = frame;
  if (header.start !== start || header.sidecar !== sidecar) return `is of start ${start}, in a segment of start ${header.start}`;
  const isSame = record.sequence === sequence && record.tenantId === tenantId && record.kind === kind && record.timeMs === timeMs;
  if (!isSame) return 'is another record than its frame says';
  return isCanonical ? undefined : 'is not in canonical form';
}
