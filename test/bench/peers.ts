import type { ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { CpuProfiler } from './cpu-profiler.ts';

type Answer = (error: Error | null, response?: Buffer) => void;
type Service = [ServiceDefinition, UntypedServiceImplementation];

export const EMPTY = '/keyside.bench.Bench/Empty';
export const OUTCOMES = '/keyside.bench.Bench/Outcomes';
export const START_PROFILE = '/keyside.bench.Bench/StartProfile';
export const STOP_PROFILE = '/keyside.bench.Bench/StopProfile';
export const ECHO = '/keyside.bench.Echo/Unary';
export const ECHO_STREAM = '/keyside.bench.Echo/Stream';

/**
 * A call that does nothing, one that tells how often calls ended in what since it was last asked, and two between which the process is
 * profiled.
 */
export function emptyService(outcomes: Map<string, number>): Service {
  const empty = Buffer.alloc(0);
  const profiler = new CpuProfiler();
  return [
    {
      empty: raw(EMPTY),
      outcomes: raw(OUTCOMES),
      startProfile: raw(START_PROFILE),
      stopProfile: raw(STOP_PROFILE),
    } as ServiceDefinition,
    {
      startProfile: (_call: unknown, answer: Answer) => profiler.start().then(() => answer(null, empty), answer),
      stopProfile: (_call: unknown, answer: Answer) =>
        profiler.stop().then((profile) => answer(null, Buffer.from(JSON.stringify(profile))), answer),
      empty: (_call: unknown, answer: Answer) => answer(null, empty),
      outcomes: (_call: unknown, answer: Answer) => {
        const counts = JSON.stringify(Object.fromEntries(outcomes));
        outcomes.clear();
        answer(null, Buffer.from(counts));
      },
    },
  ];
}

/** Gives back the bytes that came, message for message, at the pace of the slower side. */
export function echoService(): Service {
  return [
    {
      unary: raw(ECHO),
      stream: { ...raw(ECHO_STREAM), requestStream: true, responseStream: true },
    } as object as ServiceDefinition,
    {
      unary: ({ request }: { request: Buffer }, answer: Answer) => answer(null, request),
      stream: (call: ServerDuplexStream<Buffer, Buffer>) => {
        call.on('data', (message: Buffer) => {
          if (call.write(message)) return;
          call.pause();
          call.once('drain', () => call.resume());
        });
        call.on('end', () => call.end());
      },
    },
  ];
}

function raw(path: string): object {
  const bytes = (value: Buffer): Buffer => value;
  const codec = { requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes };
  return { path, requestStream: false, responseStream: false, ...codec };
}
