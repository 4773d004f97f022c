import type { DaemonConfig } from './daemon-config.ts';
import { ConfigurationError } from './fault.ts';
import type { Reader } from './tenants-messages.ts';

/**
 * `loadDaemonConfig` in the process of the reader, which goes on to serve whoever listens to it next.
 * @throws {ConfigurationError} with every fault of the file, each with its line
 */
export function readDaemonConfig(reader: Reader, file: string, minted: readonly string[]): Promise<DaemonConfig> {
  const { promise, resolve, reject } = Promise.withResolvers<DaemonConfig>();
  reader.listen({
    onMessage: (message) => {
      if (message.kind === 'configuration') resolve(message.config);
      else if (message.kind === 'misconfigured') reject(new ConfigurationError(message.faults));
      else if (message.kind === 'failed') reject(new Error(message.message));
    },
    onEnd: (cause) => reject(new Error('the process that reads the configuration ended', { cause })),
  });
  reader.send({ kind: 'read', file, minted });
  return promise;
}
