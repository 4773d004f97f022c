import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AuditConfig } from '../../config/daemon-config.ts';
import { CONFIGURED_SINK_KINDS, SINK_PATHS } from '../../config/sink-settings.ts';
import { checkMode, type FileToCheck, readFailure } from './file-modes.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { pathsIn } from './settings-files.ts';
import type { ConfiguredTenant } from './tenants.ts';

type Sinks = AuditConfig['sinks'];

/** Settings whose files hold nothing secret. */
const PUBLIC_SETTINGS = new Set(['caFile', 'certificateFile']);

const FOLDER_ADVICE = "name a folder of the daemon's own, on a disk that outlives it";

/** What the daemon itself needs for its audit trail: the spool's folder, the key that signs, and what its sinks read. */
export function* checkAudit({ mode, directory, signingKeyFile, sinks }: AuditConfig): Generator<Finding> {
  if (mode === 'off') {
    yield warn('audit', 'mode is off: nothing is recorded', 'set `audit.mode` to required or async');
    return;
  }
  yield spoolFolder(directory);
  if (signingKeyFile !== undefined) yield* readable({ path: signingKeyFile, kind: 'secret', what: 'audit.signingKeyFile' });
  yield* checkSinks('audit', sinks);
}

/** The same of the tenants' own sinks. */
export function* checkTenantSinks(tenants: readonly ConfiguredTenant[]): Generator<Finding> {
  for (const { id, auditSinks } of tenants) yield* checkSinks(`tenant ${id}`, auditSinks);
}

function* checkSinks(whose: string, sinks: Sinks): Generator<Finding> {
  for (const { name, kind: named, settings } of sinks) {
    const what = `${whose}, sink ${name}`;
    const kind = CONFIGURED_SINK_KINDS.find((each) => each === named);
    for (const field of kind === undefined ? [] : SINK_PATHS[kind]) {
      const isSecret = !PUBLIC_SETTINGS.has(field.at(-1) ?? '');
      for (const path of pathsIn(settings, field)) {
        if (kind === 'file') yield writableFolder(what, dirname(path));
        else yield* readable({ path, kind: isSecret ? 'secret' : 'configuration', what });
      }
    }
  }
}

function* readable(file: FileToCheck): Generator<Finding> {
  const unreadable = readFailure(file.path);
  const finding = unreadable === undefined ? checkMode(file) : fail(file.what, `${file.path} ${unreadable}`);
  if (finding !== undefined) yield finding;
}

/** The spool's folder, which the daemon makes where it is missing. */
function spoolFolder(directory: string): Finding {
  const what = 'audit.directory';
  if (existsSync(directory)) return writableFolder(what, directory);
  let above = dirname(directory);
  while (!existsSync(above) && above !== dirname(above)) above = dirname(above);
  return isWritable(above)
    ? ok(what, `${directory} can be made`)
    : fail(what, `${directory} cannot be made by this user in ${above}`, FOLDER_ADVICE);
}

function writableFolder(what: string, folder: string): Finding {
  if (isWritable(folder)) return ok(what, `${folder} can be written`);
  return fail(what, `${folder} ${existsSync(folder) ? 'cannot be written by this user' : 'does not exist'}`, FOLDER_ADVICE);
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}
