import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ConfiguredSink } from '../tenants/tenant.ts';
import { type CallerConfig, callerConfig, parseMintedCallers } from './caller-config.ts';
import { checkDaemon, MAX_SOCKET_PATH_BYTES } from './daemon-checks.ts';
import { type DaemonEntries, daemonSchema } from './daemon-schema.ts';
import { ConfigurationError, fileFault } from './fault.ts';
import { decodeText, problemOf } from './file-problem.ts';
import { checkSchema } from './issue-faults.ts';
import type { ListenAddress } from './listen-address.ts';
import { pathFieldsOf, resolvePaths } from './path-fields.ts';
import { configuredSinks } from './sink-entries.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

/** Files of mutual TLS, absolute. */
export interface TlsFiles {
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  readonly clientCaFile: string;
}

/** How the audit trail is kept. */
export interface AuditConfig {
  readonly mode: 'required' | 'async' | 'off';
  /** Absolute. */
  readonly directory: string;
  readonly asyncWindowMs: number;
  readonly segmentBytes: number;
  /** At least four times `segmentBytes`. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly checkpointIntervalMs: number;
  /** Absolute; undefined: a key of the directory's own. */
  readonly signingKeyFile: string | undefined;
  /** For all records, whoever's they are. Names are distinct. */
  readonly sinks: readonly ConfiguredSink[];
}

/** The daemon's configuration, checked, with every default filled in and every path absolute. */
export interface DaemonConfig {
  /** At least one of `tcp` and `unixPath`. */
  readonly listen: {
    /** Undefined: off. Loopback, unless there is `tls`. */
    readonly tcp: ListenAddress | undefined;
    /** Undefined: none. */
    readonly unixPath: string | undefined;
    /** Undefined: off. */
    readonly http: ListenAddress | undefined;
    readonly tls: TlsFiles | undefined;
  };
  /** A file or a folder. */
  readonly tenantsPath: string;
  /** Where the daemon runs; undefined: nowhere in particular. */
  readonly region: string | undefined;
  /** Absolute. */
  readonly originKeyFiles: readonly string[];
  readonly reload: { readonly intervalMs: number };
  /** Empty: every caller is `anonymous` and may do everything. Ids are distinct. */
  readonly callers: readonly CallerConfig[];
  readonly limits: {
    readonly maxDocumentBytes: number;
    readonly maxFields: number;
    readonly maxBatchDocuments: number;
    readonly maxConcurrentCalls: number;
    readonly maxConcurrentCallsPerTenant: number;
    readonly maxConcurrentCallsPerCaller: number;
    /** At least four times `maxMessageBytes`. */
    readonly maxBytesInFlight: number;
    /** At least four times `maxMessageBytes`. */
    readonly maxBytesInFlightPerCaller: number;
    readonly maxConnections: number;
    /** At least `maxDocumentBytes`. */
    readonly maxMessageBytes: number;
    readonly defaultDeadlineMs: number;
    readonly maxStreamAgeMs: number;
  };
  readonly cache: { readonly maxEntries: number; readonly maxBytes: number; readonly negativeTtlMs: number };
  readonly kms: {
    readonly timeoutMs: number;
    /** At most `timeoutMs`. */
    readonly attemptTimeoutMs: number;
    readonly maxConcurrent: number;
    readonly maxQueued: number;
    readonly maxAttempts: number;
  };
  /** 1: the daemon is one process. At most `kms.maxConcurrent`. */
  readonly processes: number;
  readonly drain: { readonly timeoutMs: number };
  readonly telemetry: { readonly maxTenantLabels: number; readonly metricsShowTenants: boolean };
  readonly audit: AuditConfig;
  readonly isReflectionOn: boolean;
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' };
}

const PATHS = pathFieldsOf(daemonSchema);

/**
 * Reads and checks the configuration file, synchronously: once, at start.
 * @param minted the callers that the command line adds, each as one JSON text
 * @throws {ConfigurationError} with every fault of the file and of the command line's callers, each with its line
 */
export function loadDaemonConfig(file: string, minted: readonly string[] = []): DaemonConfig {
  let text: string;
  try {
    text = decodeText(readFileSync(file));
  } catch (error) {
    throw new ConfigurationError([fileFault(file, problemOf(error))]);
  }
  return parseDaemonConfig(text, file, minted);
}

/**
 * The same for a text. Relative paths in it are relative to the folder of `file`, which need not exist.
 * @throws {ConfigurationError}
 */
export function parseDaemonConfig(text: string, file: string, minted: readonly string[] = []): DaemonConfig {
  const source = readYaml(text, file);
  if (source.value === undefined) throw new ConfigurationError(source.faults);
  const { output, faults } = checkSchema(daemonSchema, source);
  const allFaults = [...source.faults, ...faults, ...checkDaemon(source)];
  const entries = output && resolvePaths(output, PATHS, dirname(resolve(file)));
  if (entries !== undefined) allFaults.push(...socketFaults(entries, source));
  const added = parseMintedCallers(minted, source.value);
  allFaults.push(...added.faults);
  if (entries === undefined || allFaults.length > 0) throw new ConfigurationError(allFaults);
  const config = daemonConfig(entries);
  return { ...config, callers: [...config.callers, ...added.callers] };
}

function socketFaults(entries: DaemonEntries, source: YamlSource) {
  if (Buffer.byteLength(entries.listen.unix) <= MAX_SOCKET_PATH_BYTES) return [];
  const message = `is longer than ${MAX_SOCKET_PATH_BYTES} bytes as an absolute path, which no Unix socket can be`;
  return [source.faultAt(['listen', 'unix'], message)];
}

function daemonConfig(entries: DaemonEntries): DaemonConfig {
  const { listen, limits, cache, kms, telemetry } = entries;
  return {
    listen: { tcp: listen.tcp, unixPath: listen.unix === '' ? undefined : listen.unix, http: listen.http, tls: listen.tls },
    tenantsPath: entries.tenants,
    region: entries.region,
    originKeyFiles: entries.originKeyFiles,
    reload: { intervalMs: entries.reload.interval },
    callers: entries.callers.map(callerConfig),
    limits: {
      maxDocumentBytes: limits.maxDocumentBytes,
      maxFields: limits.maxFields,
      maxBatchDocuments: limits.maxBatchDocuments,
      maxConcurrentCalls: limits.maxConcurrentCalls,
      maxConcurrentCallsPerTenant: limits.maxConcurrentCallsPerTenant,
      maxConcurrentCallsPerCaller: limits.maxConcurrentCallsPerCaller,
      maxBytesInFlight: limits.maxBytesInFlight,
      maxBytesInFlightPerCaller: limits.maxBytesInFlightPerCaller,
      maxConnections: limits.maxConnections,
      maxMessageBytes: limits.maxMessageBytes,
      defaultDeadlineMs: limits.defaultDeadline,
      maxStreamAgeMs: limits.maxStreamAge,
    },
    cache: { maxEntries: cache.maxEntries, maxBytes: cache.maxBytes, negativeTtlMs: cache.negativeTtl },
    kms: {
      timeoutMs: kms.timeout,
      attemptTimeoutMs: kms.attemptTimeout,
      maxConcurrent: kms.maxConcurrent,
      maxQueued: kms.maxQueued,
      maxAttempts: kms.maxAttempts,
    },
    processes: entries.sidecar.processes,
    drain: { timeoutMs: entries.drain.timeout },
    telemetry: { maxTenantLabels: telemetry.tenantLabels, metricsShowTenants: telemetry.metricsShowTenants },
    audit: auditConfig(entries.audit),
    isReflectionOn: entries.reflection,
    log: entries.log,
  };
}

function auditConfig(audit: DaemonEntries['audit']): AuditConfig {
  return {
    mode: audit.mode,
    directory: audit.directory,
    asyncWindowMs: audit.asyncWindow,
    segmentBytes: audit.segmentBytes,
    maxBytes: audit.maxBytes,
    maxAgeMs: audit.maxAge,
    checkpointIntervalMs: audit.checkpointInterval,
    signingKeyFile: audit.signingKeyFile,
    sinks: configuredSinks(audit.sinks),
  };
}
