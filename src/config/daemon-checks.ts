import { LEAST_SEGMENTS } from './audit-room.ts';
import { ALL, auditSchema, daemonSchema } from './daemon-schema.ts';
import type { ConfigurationFault, FaultPath } from './fault.ts';
import { isLoopback, parseListenAddress } from './listen-address.ts';
import { asList, asMapping } from './raw-value.ts';
import { sinkFaults } from './sink-entries.ts';
import type { YamlSource } from './yaml-source.ts';

/** The longest path that a Unix socket can be bound to, in bytes. */
export const MAX_SOCKET_PATH_BYTES = 107;

/** The id of callers where none are configured. */
const ANONYMOUS = 'anonymous';

type Report = (path: FaultPath, message: string) => void;

/**
 * The checks that span several entries. They read the file as it stands, so that a fault here is reported together with faults of
 * the schema elsewhere.
 */
export function checkDaemon(source: YamlSource): ConfigurationFault[] {
  const faults: ConfigurationFault[] = [];
  const report: Report = (path, message) => faults.push(source.faultAt(path, message));
  const file = asMapping(source.value);
  checkListen(asMapping(file.listen), report);
  checkCallers(asList(file.callers), report);
  checkOrder(file, report);
  checkRoom(file, report);
  checkProcesses(file, report);
  checkSpool(file, report);
  faults.push(...sinkFaults(asMapping(file.audit).sinks, ['audit', 'sinks'], source));
  return faults;
}

function checkListen(listen: Readonly<Record<string, unknown>>, report: Report): void {
  const { tcp, unix } = listen;
  if (tcp === 'off' && (unix === undefined || unix === '')) report(['listen'], 'needs at least one of tcp and unix');
  const address = typeof tcp === 'string' ? parseListenAddress(tcp) : undefined;
  const tls = asMapping(listen.tls);
  const hasTls = ['certificateFile', 'privateKeyFile', 'clientCaFile'].every((name) => typeof tls[name] === 'string');
  if (address === undefined || isLoopback(address) || hasTls) return;
  report(
    ['listen', 'tcp'],
    'can be reached from other machines: give a loopback address, or listen.tls with certificateFile, privateKeyFile and clientCaFile',
  );
}

function checkCallers(callers: readonly unknown[], report: Report): void {
  const ids = new Set<unknown>();
  for (const [at, entry] of callers.entries()) checkCaller({ entry, path: ['callers', at], ids }, report);
}

interface CallerToCheck {
  readonly entry: unknown;
  /** Where it stands in its source. */
  readonly path: FaultPath;
  /** The ids of the callers before it; takes its own. */
  readonly ids: Set<unknown>;
}

/** What the schema of one caller cannot see. */
export function checkCaller({ entry, path, ids }: CallerToCheck, report: Report): void {
  const caller = asMapping(entry);
  if (caller.id === ANONYMOUS) report([...path, 'id'], 'is taken: so is called who calls without a token');
  if (caller.id !== undefined && ids.has(caller.id)) report([...path, 'id'], 'is the id of another caller');
  ids.add(caller.id);
  for (const name of ['tenants', 'operations']) {
    const values = asList(caller[name]);
    if (values.includes(ALL) && values.length > 1) report([...path, name], `names others beside ${ALL}, which is all of them`);
  }
}

/** Pairs of entries of which the second may not be less than the first. */
const ORDERED = [
  [
    ['kms', 'attemptTimeout'],
    ['kms', 'timeout'],
  ],
  [
    ['limits', 'maxDocumentBytes'],
    ['limits', 'maxMessageBytes'],
  ],
] as const;

function checkOrder(file: Readonly<Record<string, unknown>>, report: Report): void {
  for (const [[section, smaller], [, larger]] of ORDERED) {
    // The section alone, with its defaults: its own faults are the schema's to report.
    const parsed = daemonSchema.shape[section].safeParse(file[section]);
    if (!parsed.success) continue;
    const values: Readonly<Record<string, unknown>> = parsed.data;
    if (Number(values[smaller]) > Number(values[larger]))
      report([section, smaller], `must not be more than ${section}.${larger}`);
  }
}

/** Copies of the largest message that must find room together: what the gate counts for one, and an eighth that it leaves to others. */
const LARGEST_MESSAGE_COPIES = 4;

/** A message that is allowed must not be refused for want of memory while nothing else is in flight. */
function checkRoom(file: Readonly<Record<string, unknown>>, report: Report): void {
  const limits = daemonSchema.shape.limits.safeParse(file.limits);
  if (!limits.success) return;
  for (const name of ['maxBytesInFlight', 'maxBytesInFlightPerCaller'] as const) {
    if (limits.data[name] >= LARGEST_MESSAGE_COPIES * limits.data.maxMessageBytes) continue;
    report(['limits', name], `must be at least ${LARGEST_MESSAGE_COPIES} times limits.maxMessageBytes`);
  }
}

/** What may be asked of one key at a time is shared out among the processes: each needs one call at least. */
function checkProcesses(file: Readonly<Record<string, unknown>>, report: Report): void {
  const sidecar = daemonSchema.shape.sidecar.safeParse(file.sidecar);
  const kms = daemonSchema.shape.kms.safeParse(file.kms);
  if (!sidecar.success || !kms.success || sidecar.data.processes <= kms.data.maxConcurrent) return;
  report(['sidecar', 'processes'], 'must not be more than kms.maxConcurrent, which the processes share');
}

/** The spool is tidied by whole segments. */
function checkSpool(file: Readonly<Record<string, unknown>>, report: Report): void {
  const audit = asMapping(file.audit);
  const { maxBytes, segmentBytes } = auditSchema.shape;
  const most = maxBytes.safeParse(audit.maxBytes);
  const segment = segmentBytes.safeParse(audit.segmentBytes);
  if (!most.success || !segment.success || most.data >= LEAST_SEGMENTS * segment.data) return;
  report(['audit', 'maxBytes'], `must be at least ${LEAST_SEGMENTS} times audit.segmentBytes`);
}
