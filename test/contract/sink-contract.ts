import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { EVENT_KINDS } from '../../src/audit/event.ts';
import { type AuditSink, SinkError, type SinkFailure, type SinkRecord } from '../../src/audit/sink.ts';

/** What arrived at a sink's counterpart. */
export interface Received {
  readonly id: string;
  /** The record's line as the counterpart has it. Where it keeps JSON rather than text, its canonical form. */
  readonly line: string;
}

/** One sink before its counterpart, and the means to do to that what operators and weather do. */
export interface SinkSubject {
  readonly sink: AuditSink;
  /** Everything that arrived, in the order in which it did. Waits until `count` records have, or so many seconds. */
  received(count: number): Promise<readonly Received[]>;
  /** A sink of the same kind before an address where nobody listens. */
  readonly unreachable?: () => Promise<AuditSink>;
  /** A sink whose service takes the delivery and never answers; `reached` resolves once it has it. */
  readonly hanging?: () => Promise<{ readonly sink: AuditSink; reached(): Promise<void> }>;
  /** A sink whose service answers so: wrong credentials, not allowed, too many, no such thing. */
  readonly answering?: (failure: SinkFailure) => Promise<AuditSink | undefined>;
  /** Takes the service away, and gives it back: the same sink must go on. */
  readonly outage?: { down(): Promise<void>; up(): Promise<void> };
  /** Words that no error may have in it: tokens, secrets. */
  readonly secrets: readonly string[];
  close(): Promise<void>;
}

export interface SinkContractSetup {
  /** A subject of its own for every test. */
  open(): Promise<SinkSubject>;
  /** What this kind of sink cannot show, and why. Printed. */
  readonly notApplicable: Partial<Record<'unreachable' | 'hanging' | 'outage' | SinkFailure, string>>;
}

let nextStart = 0;
let lastTimeMs = 0;

/** Records as the spool gives them, each of another kind than the one before, with text that escapes and encodings trip over. */
export function sampleRecords(count: number, bytes = 400): SinkRecord[] {
  nextStart += 1;
  const start = `start${process.pid}x${nextStart}`;
  return Array.from({ length: count }, (_, at) => {
    const sequence = at + 1;
    const id = `${start}-${sequence}`;
    lastTimeMs = Math.max(lastTimeMs + 1, Date.now() - count);
    const timeMs = lastTimeMs;
    const text = `é😀"\\\u2028\t<&'${'x'.repeat(bytes)}`;
    const record = { activity_id: 9, metadata: { sequence, uid: id }, time: timeMs, unmapped: { n: 1.5, text } };
    const kind = EVENT_KINDS[at % EVENT_KINDS.length] ?? 'encrypt';
    return {
      id,
      sequence,
      timeMs,
      tenantId: at % 3 === 0 ? undefined : 'acme',
      kind,
      line: new TextEncoder().encode(JSON.stringify(record)),
    };
  });
}

/** Every sink passes these against its real counterpart before it counts. */
export function sinkContract(name: string, setup: SinkContractSetup): void {
  describe(`${name} keeps the contract of a sink:`, () => {
    delivery(setup);
    failures(setup);
  });
}

function delivery(setup: SinkContractSetup): void {
  it('everything arrives, in order, byte for byte', async (t) => {
    const subject = await opened(t, setup);
    const records = sampleRecords(25);
    await deliverAll(subject.sink, records);
    assert.deepEqual(await subject.received(records.length), expected(records));
  });

  it('a batch as large as its limits allow arrives whole', async (t) => {
    const subject = await opened(t, setup);
    const { maxRecords, maxBytes } = subject.sink.limits;
    assert.ok(maxRecords >= 1 && maxBytes >= 64 * 1024);
    const many = sampleRecords(Math.min(maxRecords, 2_000), 20);
    await deliverAll(subject.sink, many);
    const few = sampleRecords(Math.max(1, Math.floor(Math.min(maxBytes, 4 * 1024 * 1024) / 20_500)), 20_000);
    await deliverAll(subject.sink, few);
    const arrived = await subject.received(many.length + few.length);
    assert.deepEqual(arrived, expected([...many, ...few]));
  });

  it('what is delivered again has the same id', async (t) => {
    const subject = await opened(t, setup);
    const records = sampleRecords(3);
    await deliverAll(subject.sink, records);
    await deliverAll(subject.sink, records);
    const arrived = await subject.received(3);
    assert.deepEqual(new Set(arrived.map(({ id }) => id)), new Set(records.map(({ id }) => id)));
  });

  it('after an outage of its service the same sink goes on', async (t) => {
    const subject = await opened(t, setup);
    const { outage } = subject;
    if (outage === undefined) return t.skip(reasonOf(setup, 'outage'));
    const [before, during] = [sampleRecords(3), sampleRecords(3)];
    await deliverAll(subject.sink, before);
    await outage.down();
    await failsWith(subject, () => deliverAll(subject.sink, during), undefined);
    await outage.up();
    await deliverAll(subject.sink, during);
    const arrived = (await subject.received(6)).map(({ id }) => id);
    assert.deepEqual(
      [...new Set(arrived)],
      [...before, ...during].map(({ id }) => id),
    );
  });
}

function failures(setup: SinkContractSetup): void {
  it('a service that cannot be reached', async (t) => {
    const subject = await opened(t, setup);
    if (subject.unreachable === undefined) return t.skip(reasonOf(setup, 'unreachable'));
    const sink = await subject.unreachable();
    t.after(() => sink.close());
    await failsWith(subject, () => sink.deliver(sampleRecords(1), AbortSignal.timeout(30_000)), 'unreachable');
  });

  it('a delivery under way ends when it is aborted', async (t) => {
    const subject = await opened(t, setup);
    if (subject.hanging === undefined) return t.skip(reasonOf(setup, 'hanging'));
    const { sink, reached } = await subject.hanging();
    t.after(() => sink.close());
    const abort = new AbortController();
    const delivered = sink.deliver(sampleRecords(1), abort.signal);
    const failed = failsWith(subject, () => delivered, undefined);
    await reached();
    abort.abort();
    await failed;
  });

  for (const failure of ['unauthorized', 'forbidden', 'overloaded', 'misconfigured', 'refused'] as const) {
    it(`a service that answers so: ${failure}`, async (t) => {
      const subject = await opened(t, setup);
      const sink = await subject.answering?.(failure);
      if (sink === undefined) return t.skip(reasonOf(setup, failure));
      t.after(() => sink.close());
      await failsWith(subject, () => sink.deliver(sampleRecords(2), AbortSignal.timeout(30_000)), failure);
    });
  }
}

async function opened(t: TestContext, setup: SinkContractSetup): Promise<SinkSubject> {
  const subject = await setup.open();
  t.after(async () => {
    await subject.sink.close();
    await subject.close();
  });
  return subject;
}

/** As a courier does: no more at a time than the sink takes. */
async function deliverAll(sink: AuditSink, records: readonly SinkRecord[]): Promise<void> {
  const { maxRecords, maxBytes } = sink.limits;
  let batch: SinkRecord[] = [];
  let bytes = 0;
  const send = async (): Promise<void> => {
    if (batch.length > 0) assert.deepEqual(await sink.deliver(batch, AbortSignal.timeout(60_000)), []);
    [batch, bytes] = [[], 0];
  };
  for (const record of records) {
    if (batch.length === maxRecords || bytes + record.line.length > maxBytes) await send();
    batch.push(record);
    bytes += record.line.length;
  }
  await send();
}

async function failsWith(subject: SinkSubject, work: () => Promise<unknown>, failure: SinkFailure | undefined): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof SinkError, `not a SinkError: ${error}`);
    if (failure !== undefined) assert.equal(error.failure, failure, error.message);
    for (const secret of subject.secrets) assert.ok(!error.message.includes(secret), 'an error shows a secret');
    return true;
  });
}

function expected(records: readonly SinkRecord[]): Received[] {
  return records.map(({ id, line }) => ({ id, line: new TextDecoder().decode(line) }));
}

function reasonOf(setup: SinkContractSetup, what: keyof SinkContractSetup['notApplicable']): string {
  const reason = setup.notApplicable[what];
  assert.ok(reason !== undefined, `${what} is neither shown nor said not to be applicable`);
  return `not applicable: ${reason}`;
}
