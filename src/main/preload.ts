import type { Environment } from './otel-environment.ts';

/**
 * Loads what one process that serves needs before its configuration is known: all of it, but for the trail where that is switched off.
 * @throws {OtelEnvironmentError} naming every variable that cannot be obeyed
 */
export async function preloadServing(environment: Environment): Promise<void> {
  const [{ loadTelemetry }] = await Promise.all([
    import('./otel.ts'),
    import('./sidecar.ts'),
    import('../audit/durable-trail.ts'),
    import('../audit/file-layer.ts'),
  ]);
  await loadTelemetry(environment);
}
