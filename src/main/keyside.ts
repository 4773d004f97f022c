import { join } from 'node:path';
import { buildProgram } from '../cli/program.ts';
import { loadDaemonConfig } from '../config/daemon-config.ts';
import { ConfigurationError } from '../config/fault.ts';
import { JsonLogger } from '../telemetry/json-logger.ts';
import { stdoutSink } from '../telemetry/log-sink.ts';
import { runSidecar } from './run-sidecar.ts';
