/** The process that reads configuration, started by reader-process.ts: it speaks as tenants-messages.ts says. */
import { loadDaemonConfig } from '../config/daemon-config.ts';
import { ConfigurationError } from '../config/fault.ts';
import { ReloadLoop } from '../config/reload-loop.ts';
import { RESCAN, type ReaderMessage, TAKEN, type ToReader } from '../config/tenants-messages.ts';

let loop: ReloadLoop | undefined;

function post(message: ReaderMessage): void {
  process.send?.(message, undefined, undefined, () => {
    if (message.kind === 'failed') process.exit(1);
  });
}

function read(file: string, minted: readonly string[]): ReaderMessage {
  try {
    return { kind: 'configuration', config: loadDaemonConfig(file, minted) };
  } catch (error) {
    if (error instanceof ConfigurationError) return { kind: 'misconfigured', faults: error.faults };
    return { kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

process.on('message', (message: ToReader) => {
  if (message === TAKEN || message === RESCAN) loop?.hear(message);
  else if (message.kind === 'read') post(read(message.file, message.minted));
  else {
    loop = new ReloadLoop(message.settings, post);
    loop.start();
  }
});
// Nobody is there to read for.
process.on('disconnect', () => process.exit());
