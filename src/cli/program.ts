import { Command, Option } from 'commander';
import { configOption, stateDirOption } from './state-options.ts';
import { type Terminal, write } from './terminal.ts';

/** How the sidecar is asked for; what is undefined is left to the configuration. */
export interface SidecarOptions {
  /** --config, else KEYSIDE_CONFIG. */
  readonly config: string | undefined;
  /** --state-dir, else KEYSIDE_STATE_DIR, else `.keyside`. */
  readonly stateDirectory: string;
  readonly tcp: string | undefined;
  readonly http: string | undefined;
  readonly unix: string | undefined;
  /** In place of `audit.directory`. */
  readonly auditDir: string | undefined;
  /** In place of `audit.maxBytes`, for all processes together. */
  readonly auditMaxBytes: string | undefined;
  /** Callers beside those of the configuration, each as one JSON text; the daemon makes their tokens. */
  readonly mintCaller: readonly string[];
}

/** How the injector is asked for. */
export interface InjectorOptions {
  /** --config, else KEYSIDE_INJECTOR_CONFIG. */
  readonly config: string;
}

type SidecarFlags = Omit<SidecarOptions, 'stateDirectory'> & { readonly stateDir: string };

export interface ProgramParts extends Terminal {
  readonly version: string;
  /** Runs the daemon. Resolves once it serves; the daemon then keeps the process alive. */
  readonly sidecar: (options: SidecarOptions) => Promise<void>;
  /** Runs Kubernetes' webhook. Resolves once it has begun; it then keeps the process alive. */
  readonly injector: (options: InjectorOptions) => Promise<void>;
}

type AddVerb = (program: Command, parts: ProgramParts) => void;

/** In the order of the help. A verb is loaded where it is asked for: the daemon starts without the tools of people. */
const VERBS: Readonly<Record<string, () => Promise<AddVerb>>> = {
  sidecar: async () => addSidecar,
  injector: async () => addInjector,
  init: async () => (await import('./init/init.ts')).addInit,
  encrypt: async () => (await import('./encrypt.ts')).addEncrypt,
  decrypt: async () => (await import('./decrypt.ts')).addDecrypt,
  rewrap: async () => (await import('./rewrap.ts')).addRewrap,
  'local-kms': async () => (await import('./local-kms.ts')).addLocalKms,
  doctor: async () => (await import('./doctor/doctor.ts')).addDoctor,
  audit: async () => (await import('./audit.ts')).addAudit,
};

/** The command line with the verb that is asked for, else with all, their options and help. Parsing it runs the verb. */
async function buildProgram(parts: ProgramParts, asked: string | undefined): Promise<Command> {
  const program = new Command('keyside')
    .description("Customer-managed keys: encrypts each tenant's data under that tenant's own KMS or HSM.")
    .version(parts.version)
    .exitOverride()
    .showHelpAfterError('(keyside --help lists verbs and options)')
    .configureOutput({
      writeOut: (text) => parts.stdout.write(text),
      writeErr: (text) => parts.stderr.write(text),
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
    });
  const known = asked !== undefined && Object.hasOwn(VERBS, asked) ? VERBS[asked] : undefined;
  for (const load of known === undefined ? Object.values(VERBS) : [known]) (await load())(program, parts);
  return program;
}

const HELP_WIDTH = 110;
const EXIT_OK = 0;

/**
 * Runs the verb that `args` (without node and script) name and returns the exit code: 0 done, 1 failed, 2 not a command line of
 * ours. Says on standard error why it failed; never throws.
 */
export async function runProgram(parts: ProgramParts, args: readonly string[]): Promise<number> {
  // A pipe whose reader went away: `keyside … | head` ends quietly.
  for (const stream of [parts.stdout, parts.stderr]) stream.on('error', () => undefined);
  try {
    const program = await buildProgram(parts, args[0]);
    await program.parseAsync(args, { from: 'user' });
    return EXIT_OK;
  } catch (error) {
    const { describeFailure } = await import('./failure.ts');
    const { exitCode, text } = describeFailure(error);
    if (text !== '') await write(parts.stderr, text);
    return exitCode;
  }
}

function addSidecar(program: Command, parts: ProgramParts): void {
  program
    .command('sidecar')
    .description('run the daemon: gRPC for the applications beside it, health and metrics over HTTP')
    .addOption(configOption(parts.environment))
    .addOption(stateDirOption(parts.environment))
    .addOption(new Option('--tcp <address>', "API address in place of the configuration's"))
    .addOption(new Option('--http <address>', "address of health and metrics in place of the configuration's"))
    .addOption(new Option('--unix <path>', "Unix socket for the API in place of the configuration's"))
    .addOption(new Option('--audit-dir <dir>', "folder of the audit trail in place of the configuration's"))
    .addOption(new Option('--audit-max-bytes <bytes>', 'most disk for it, for all processes together'))
    .addOption(
      new Option('--mint-caller <json>', 'a caller whose token the daemon makes and writes into its tokenFile; repeatable')
        .default([])
        .argParser((text: string, earlier: readonly string[]) => [...earlier, text]),
    )
    .action(({ config, stateDir: stateDirectory, tcp, http, unix, auditDir, auditMaxBytes, mintCaller }: SidecarFlags) =>
      parts.sidecar({ config, stateDirectory, tcp, http, unix, auditDir, auditMaxBytes, mintCaller }),
    );
}

function addInjector(program: Command, parts: ProgramParts): void {
  const { KEYSIDE_INJECTOR_CONFIG: file } = parts.environment;
  const option = new Option('--config <file>', 'configuration file (KEYSIDE_INJECTOR_CONFIG)');
  program
    .command('injector')
    .description('run the webhook that adds the sidecar to pods of Kubernetes that ask for it')
    .addOption(file ? option.default(file) : option.makeOptionMandatory())
    .action((options: InjectorOptions) => parts.injector(options));
}
