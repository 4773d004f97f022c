import type { Timer } from '../timer.ts';
import type { Pkcs11Settings } from './config.ts';
import type { TokenSelector } from './messages.ts';
import { ModuleProcess } from './module-process.ts';
import { RefusedPins } from './pin-file.ts';
import { TokenAccess } from './token-access.ts';

interface Use {
  readonly pinFile: string;
  readonly access: TokenAccess;
  users: number;
}

interface Running {
  readonly source: string;
  readonly process: ModuleProcess;
  /** By the token's name. */
  readonly uses: Map<string, Use>;
}

export interface Lease {
  readonly access: TokenAccess;
  /** Once. With the last lease goes the process. */
  release(): void;
}

/**
 * One process for each module and init string, shared by all its keys. A token with two PIN files gets two processes: in PKCS#11 a
 * login holds for a whole process, and one user must not act with another one's.
 */
export class ModulePool {
  readonly #timer: Timer;
  readonly #refusedPins = new RefusedPins();
  readonly #running = new Set<Running>();

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  /** Starts nothing yet. */
  acquire(settings: Pkcs11Settings, selector: TokenSelector): Lease {
    const name = JSON.stringify([selector.label, selector.serial, selector.slot]);
    const running = this.#runningFor(settings, name);
    const use = running.uses.get(name) ?? this.#use(running, { settings, selector, name });
    use.users += 1;
    running.uses.set(name, use);
    return { access: use.access, release: () => this.#release(running, name, use) };
  }

  #runningFor({ module, initString, pinFile }: Pkcs11Settings, name: string): Running {
    const source = JSON.stringify([module, initString]);
    for (const running of this.#running) {
      if (running.source === source && (running.uses.get(name)?.pinFile ?? pinFile) === pinFile) return running;
    }
    const fresh = { source, process: new ModuleProcess({ module, initString }, this.#timer), uses: new Map<string, Use>() };
    this.#running.add(fresh);
    return fresh;
  }

  #use(
    { process, uses }: Running,
    { settings, selector, name }: { readonly settings: Pkcs11Settings; readonly selector: TokenSelector; readonly name: string },
  ): Use {
    const { module, pinFile, sessions } = settings;
    const refusedPins = this.#refusedPins;
    const isAlone = (): boolean => uses.size === 1;
    return {
      pinFile,
      users: 0,
      access: new TokenAccess({ process, module, name, selector, pinFile, sessions, refusedPins, isAlone }),
    };
  }

  #release(running: Running, name: string, use: Use): void {
    use.users -= 1;
    if (use.users > 0) return;
    running.uses.delete(name);
    if (running.uses.size > 0) return;
    this.#running.delete(running);
    running.process.close();
  }
}
