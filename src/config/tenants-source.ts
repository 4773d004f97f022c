import { type ConfigurationFault, fileFault } from './fault.ts';
import { problemOf } from './file-problem.ts';
import { type FileVersion, readVersion } from './file-version.ts';
import { type Patience, Settling, type Signatures } from './settling.ts';
import { type Candidate, ClaimOwners, judgeCandidates } from './tenants-conflicts.ts';
import type { TenantsFile } from './tenants-file.ts';
import { type ObservedFile, observeFiles } from './tenants-folder.ts';

/** One file's served version replaced by another; no `next`: none is served any more. */
export interface Replacement {
  readonly file: string;
  readonly previous: TenantsFile | undefined;
  readonly next: TenantsFile | undefined;
}

export interface ScanResult {
  /** False where files are still changing: nothing was taken over, scan again after `quietMs`. */
  readonly isSettled: boolean;
  /** True once there was a first scan that settled. */
  readonly isLoaded: boolean;
  /** Some file never rests. The others were not kept waiting for it; scan again before long. */
  readonly isRestless: boolean;
  readonly replacements: readonly Replacement[];
  /** All that is wrong on disk now. A file named here serves its previous version, or nothing where it has none. */
  readonly faults: readonly ConfigurationFault[];
  readonly files: number;
  readonly parsedFiles: number;
}

/** What another source needs to go on where one stopped. Plain data, of which parts are shared. */
export interface SourceMemory {
  readonly versions: ReadonlyMap<string, FileVersion>;
  readonly served: ReadonlyMap<string, TenantsFile>;
  readonly conflicts: readonly ConfigurationFault[];
}

/** The signature is undefined where the file is missing. */
interface Observed {
  readonly file: string;
  readonly signature: string | undefined;
}

interface Comparison {
  /** Files that are not what was read last. */
  readonly differences: Signatures;
  /** Files that may have changed without a trace in their signature, so soon after their last change were they read. */
  readonly fresh: readonly ObservedFile[];
}

/**
 * The tenants files at one path, and which version of each is served.
 *
 * A file with faults keeps its previous version whole, and the other files' changes go ahead. A version that contradicts another
 * file (a tenant or key id twice, a second vendor section) is rejected in favour of the older file, and judged again at every scan.
 * A missing file is removed with its tenants after a grace period; where the configured path itself is missing, everything stays.
 */
export class TenantsSource {
  readonly #path: string;
  readonly #patience: Patience;
  readonly #settling: Settling;
  readonly #pathSettling: Settling;
  /** What was last read of each file. */
  readonly #versions = new Map<string, FileVersion>();
  readonly #served = new Map<string, TenantsFile>();
  readonly #owners = new ClaimOwners();
  #conflicts: readonly ConfigurationFault[] = [];
  #pathFaults: readonly ConfigurationFault[] = [];
  #isLoaded = false;

  constructor(path: string, patience: Patience, memory?: SourceMemory) {
    this.#path = path;
    this.#patience = patience;
    this.#settling = new Settling(patience);
    this.#pathSettling = new Settling(patience);
    if (memory === undefined) return;
    this.#isLoaded = true;
    for (const [file, version] of memory.versions) this.#versions.set(file, version);
    this.#conflicts = memory.conflicts;
    this.#serve([...memory.served].map(([file, next]) => ({ file, previous: undefined, next })));
  }

  /** Undefined while there is more to remember: a file is awaited, or may have changed without a trace in its signature. */
  get memory(): SourceMemory | undefined {
    const isAtRest = this.#isLoaded && this.#pathFaults.length === 0 && this.#settling.isEmpty && this.#pathSettling.isEmpty;
    if (!isAtRest || [...this.#versions.values()].some(({ isFresh }) => isFresh)) return undefined;
    return { versions: this.#versions, served: this.#served, conflicts: this.#conflicts };
  }

  /** All that is wrong on disk, as of the last scan. */
  get faults(): readonly ConfigurationFault[] {
    const versionFaults = [...this.#versions.values()].flatMap(({ result }) => ('faults' in result ? result.faults : []));
    return [...this.#pathFaults, ...versionFaults, ...this.#conflicts];
  }

  /** Compares the files with what is known of them and takes over what changed. The first scan takes the files as they are. */
  scan(nowMs: number): ScanResult {
    const comparison = this.#compare();
    if ('problem' in comparison) return this.#withoutPath(comparison.problem, nowMs);
    this.#pathSettling.settled(new Map(), nowMs);
    this.#pathFaults = [];
    const { differences, fresh } = comparison;
    const settled = this.#settling.settled(differences, nowMs);
    const rest = this.#settling.restOf(nowMs);
    if (this.#isLoaded && rest === 'worth-waiting') return this.#result({ isSettled: false });
    const ready = this.#isLoaded ? settled : [...differences.keys()];
    const removed = new Set(ready.filter((file) => differences.get(file) === undefined));
    const observed = ready.map((file) => ({ file, signature: differences.get(file) }));
    const { parsedFiles, isSettled } = this.#readAll([...observed, ...fresh], nowMs);
    if (!isSettled) return this.#result({ isSettled, parsedFiles });
    const isRestless = this.#isLoaded && rest === 'restless';
    this.#isLoaded = true;
    return this.#result({ isSettled, isRestless, parsedFiles, replacements: this.#accept(removed) });
  }

  #compare(): Comparison | { readonly problem: string } {
    const differences = new Map<string, string | undefined>();
    const fresh: ObservedFile[] = [];
    let known = 0;
    try {
      for (const observed of observeFiles(this.#path)) {
        const version = this.#versions.get(observed.file);
        if (version !== undefined) known += 1;
        if (version?.signature !== observed.signature) differences.set(observed.file, observed.signature);
        else if (version.isFresh) fresh.push(observed);
      }
      if (known < this.#versions.size) for (const file of this.#missingFiles()) differences.set(file, undefined);
    } catch (error) {
      return { problem: problemOf(error) };
    }
    return { differences, fresh };
  }

  #missingFiles(): string[] {
    const present = new Set<string>();
    for (const { file } of observeFiles(this.#path)) present.add(file);
    return [...this.#versions.keys()].filter((file) => !present.has(file));
  }

  #readAll(files: readonly Observed[], nowMs: number): { parsedFiles: number; isSettled: boolean } {
    let parsedFiles = 0;
    let isSettled = true;
    for (const { file, signature } of files) {
      if (signature === undefined) continue;
      const known = this.#versions.get(file);
      const version = readVersion({ file, signature, known });
      if (version === 'changing') {
        if (this.#settling.startAgain(file, nowMs) < this.#patience.longestWaitMs) isSettled = false;
        else this.#versions.set(file, unstable(file));
      } else {
        if (version.result !== known?.result && version.contentDigest !== undefined) parsedFiles += 1;
        this.#versions.set(file, version);
        this.#settling.forget(file);
      }
    }
    return { parsedFiles, isSettled };
  }

  /** Decides which versions are served from now on, and says what that replaces. */
  #accept(removed: ReadonlySet<string>): Replacement[] {
    const candidates: Candidate[] = [];
    for (const [file, { result, mtimeMs }] of this.#versions) {
      const isNew = 'parsed' in result && result.parsed !== this.#served.get(file);
      if (isNew && !removed.has(file)) candidates.push({ file, mtimeMs, next: result.parsed });
    }
    const { accepted, faults } = judgeCandidates({ candidates, removed, owners: this.#owners });
    this.#conflicts = faults;
    const replacements = [
      ...[...removed].map((file) => ({ file, previous: this.#served.get(file), next: undefined })),
      ...accepted.map(({ file, next }) => ({ file, previous: this.#served.get(file), next })),
    ];
    for (const file of removed) {
      this.#versions.delete(file);
      this.#settling.forget(file);
    }
    this.#serve(replacements);
    return replacements;
  }

  #serve(replacements: readonly Replacement[]): void {
    // All claims of what is replaced go before any new one comes: tenants move between files in either order.
    for (const { file, previous } of replacements) {
      this.#owners.release(previous);
      this.#served.delete(file);
    }
    for (const { file, next } of replacements) {
      if (next === undefined) continue;
      this.#owners.take(file, next);
      this.#served.set(file, next);
    }
  }

  #withoutPath(problem: string, nowMs: number): ScanResult {
    const settled = this.#pathSettling.settled(new Map([[this.#path, undefined]]), nowMs);
    const isSettled = !this.#isLoaded || settled.length > 0;
    if (isSettled) this.#pathFaults = [fileFault(this.#path, problem)];
    return this.#result({ isSettled });
  }

  #result(part: Partial<ScanResult> & Pick<ScanResult, 'isSettled'>): ScanResult {
    const { faults } = this;
    const files = this.#versions.size;
    return { isLoaded: this.#isLoaded, isRestless: false, replacements: [], parsedFiles: 0, files, faults, ...part };
  }
}

function unstable(file: string): FileVersion {
  const faults = [fileFault(file, 'keeps changing while it is read')];
  return { signature: 'changing', isFresh: false, mtimeMs: 0, contentDigest: undefined, result: { faults } };
}
