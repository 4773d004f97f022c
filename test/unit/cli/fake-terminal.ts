import { Buffer } from 'node:buffer';
import { Readable, Writable } from 'node:stream';
import { type InjectorOptions, type ProgramParts, runProgram, type SidecarOptions } from '../../../src/cli/program.ts';

export interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What the sidecar was started with, once for each start. */
  readonly sidecars: readonly SidecarOptions[];
  /** The same of the injector. */
  readonly injectors: readonly InjectorOptions[];
}

interface RunOptions {
  readonly input?: string | Uint8Array;
  /** Standard input is a person's, who types nothing. */
  readonly isTyped?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs the whole command line in this process, with streams in memory. */
export async function run(
  args: readonly string[],
  { input = '', isTyped = false, environment = {} }: RunOptions = {},
): Promise<Run> {
  const [stdout, stderr] = [new TextSink(), new TextSink()];
  const sidecars: SidecarOptions[] = [];
  const injectors: InjectorOptions[] = [];
  const stdin = Object.assign(Readable.from([Buffer.from(input)], { objectMode: false }), { isTTY: isTyped });
  const parts: ProgramParts = {
    stdin,
    stdout,
    stderr,
    environment,
    version: '9.8.7',
    sidecar: async (options) => {
      sidecars.push(options);
    },
    injector: async (options) => {
      injectors.push(options);
    },
  };
  const exitCode = await runProgram(parts, args);
  return { exitCode, stdout: stdout.text, stderr: stderr.text, sidecars, injectors };
}

class TextSink extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}
