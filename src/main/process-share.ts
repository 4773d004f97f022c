import type { DaemonConfig } from '../config/daemon-config.ts';

/**
 * The configuration of one of several processes. What is a promise to somebody outside, how much is asked of a tenant's KMS at once, is
 * shared out: together the processes ask no more than the daemon may. What protects a process from its own load (calls, memory, cache)
 * is each one's own: a connection stays in one process and must find there what was configured.
 *
 * Precondition: there are no more processes than concurrent calls.
 */
export function shareOf(config: DaemonConfig): DaemonConfig {
  const { processes, kms } = config;
  const share = (total: number): number => Math.floor(total / processes);
  return { ...config, kms: { ...kms, maxConcurrent: share(kms.maxConcurrent), maxQueued: share(kms.maxQueued) } };
}
