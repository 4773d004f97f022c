import { errorFields } from '../telemetry/error-fields.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Node would open its inspector on this signal, and with it all memory, to whoever may send it. */
export function keepInspectorShut(): void {
  process.on('SIGUSR1', () => undefined);
}

/**
 * A fault that nobody caught ends the process, as it should; its log line takes the place of a stack on standard error.
 * @returns ends it in the same way
 */
export function dieInWords(logger: Logger & { flushSync(): void }): (error: Error) => void {
  const die = (error: Error): void => {
    logger.log('error', 'the daemon failed and ends', errorFields(error));
    logger.flushSync();
    process.exit(1);
  };
  process.on('uncaughtException', die);
  return die;
}
