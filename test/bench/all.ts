import type { Benchmark } from './benchmark.ts';
import { audit } from './benchmarks/audit.ts';
import { awsEsdk } from './benchmarks/aws-esdk.ts';
import { batch } from './benchmarks/batch.ts';
import { decryptVsEmpty } from './benchmarks/decrypt-vs-empty.ts';
import { encryptP99 } from './benchmarks/encrypt-p99.ts';
import { encryptPureVsEmpty } from './benchmarks/encrypt-pure-vs-empty.ts';
import { encryptVsEmpty } from './benchmarks/encrypt-vs-empty.ts';
import { flat } from './benchmarks/flat.ts';
import { footprint } from './benchmarks/footprint.ts';
import { kernel } from './benchmarks/kernel.ts';
import { mixed } from './benchmarks/mixed.ts';
import { openbao } from './benchmarks/openbao.ts';
import { streamMemory } from './benchmarks/stream-memory.ts';
import { streams } from './benchmarks/streams.ts';
import { traces } from './benchmarks/traces.ts';

/** In the order of the table. */
export const BENCHMARKS: readonly Benchmark[] = [
  encryptVsEmpty,
  decryptVsEmpty,
  encryptPureVsEmpty,
  encryptP99,
  batch,
  streams,
  streamMemory,
  footprint,
  kernel,
  mixed,
  flat,
  traces,
  audit,
  openbao,
  awsEsdk,
];
