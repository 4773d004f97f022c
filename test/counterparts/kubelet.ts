import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Container, HTTPGetAction, Pod, Volume } from 'kubernetes-types/core/v1.d.ts';

const PROBE_MS = 30_000;
/** What a kubelet gives an `emptyDir`: everybody's, and where there is an fsGroup that group's, for whatever is made in it too. */
const EMPTY_DIR_MODE = 0o777;
const GROUP_DIR_MODE = 0o2777;
/** Of a ConfigMap's or Secret's files, which are root's; the pod's group may read them. */
const FILE_MODE = 0o644;
const GROUP_READ = 0o440;

/** What a container's image has, of this machine. */
export interface RunnableImage {
  /** Where it begins, e.g. `/app`. */
  readonly workingDirectory: string;
  readonly entrypoint: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly uid: number;
  readonly gid: number;
  /** Folders and files of this machine, by the path they have in the container; they cannot be written to. */
  readonly content: Readonly<Record<string, string>>;
}

export interface PodWorld {
  /** Where volumes and root folders are made. */
  readonly folder: string;
  readonly image: (container: Container) => RunnableImage;
  /** Files by name, by the name of the ConfigMap or Secret. */
  readonly files: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** A container as a process. */
export interface RunningContainer {
  readonly lines: string[];
  readonly process: ChildProcess;
  /** Its exit code. */
  readonly ended: Promise<number>;
}

/**
 * As much of a kubelet as a pod of few containers needs, with the machine's own namespaces in place of a container engine: each container
 * has a root folder of its own, read-only where the pod says so, the volumes it mounts and no others, the users and groups it asks for,
 * no capabilities, and the pod's network. Needs root.
 */
export class PodProcesses {
  readonly #pod: Pod;
  readonly #world: PodWorld;
  readonly #running = new Map<string, RunningContainer>();
  #network: ChildProcess | undefined;

  constructor(pod: Pod, world: PodWorld) {
    this.#pod = pod;
    this.#world = world;
  }

  /** Starts everything in the order of a pod's start. Containers of the application run on; init containers have ended with 0. */
  async start(): Promise<void> {
    for (const volume of this.#pod.spec?.volumes ?? []) await this.#provide(volume);
    this.#network = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo up && exec sleep infinity'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (this.#network.stdout !== null) await once(this.#network.stdout, 'data');
    for (const container of this.#pod.spec?.initContainers ?? []) {
      const running = await this.#run(container);
      if (container.restartPolicy === 'Always') await this.#untilStarted(container);
      else if ((await running.ended) !== 0) throw new Error(`${container.name} failed:\n${running.lines.join('\n')}`);
    }
    for (const container of this.#pod.spec?.containers ?? []) await this.#run(container);
  }

  container(name: string): RunningContainer {
    const running = this.#running.get(name);
    if (running === undefined) throw new Error(`the pod runs no container ${name}`);
    return running;
  }

  volume(name: string): string {
    return join(this.#world.folder, 'volumes', name);
  }

  /** Tells one container to stop and waits: its exit code. */
  async stop(name: string): Promise<number> {
    const { process, ended } = this.container(name);
    process.kill('SIGTERM');
    return await ended;
  }

  /** Ends whatever runs. */
  async close(): Promise<void> {
    for (const { process, ended } of this.#running.values()) {
      process.kill('SIGKILL');
      await ended;
    }
    this.#network?.kill('SIGKILL');
  }

  async #provide(volume: Volume): Promise<void> {
    const folder = this.volume(volume.name);
    await mkdir(folder, { recursive: true });
    const group = this.#pod.spec?.securityContext?.fsGroup;
    for (const [source, mode] of [
      [volume.configMap?.name, volume.configMap?.defaultMode],
      [volume.secret?.secretName, volume.secret?.defaultMode],
    ] as const) {
      if (source === undefined) continue;
      // Links to a folder that is exchanged as a whole.
      await mkdir(join(folder, '..data'));
      for (const [name, text] of Object.entries(this.#world.files[source] ?? {})) {
        const file = join(folder, '..data', name);
        await writeFile(file, text);
        await chmod(file, (mode ?? FILE_MODE) | (group === undefined ? 0 : GROUP_READ));
        if (group !== undefined) await chown(file, 0, group);
        await symlink(join('..data', name), join(folder, name));
      }
    }
    for (const { serviceAccountToken: token } of volume.projected?.sources ?? []) {
      if (token === undefined) continue;
      await mkdir(join(folder, token.path, '..'), { recursive: true });
      await writeFile(join(folder, token.path), `token for ${token.audience}\n`);
    }
    if (group !== undefined) await chown(folder, 0, group);
    if (volume.emptyDir !== undefined) await chmod(folder, group === undefined ? EMPTY_DIR_MODE : GROUP_DIR_MODE);
  }

  async #run(container: Container): Promise<RunningContainer> {
    const image = this.#world.image(container);
    const child = spawn(
      'nsenter',
      [
        `--net=/proc/${this.#network?.pid}/ns/net`,
        'unshare',
        '--mount',
        '--propagation',
        'private',
        'sh',
        '-ec',
        this.#script(container, image),
      ],
      {
        env: { ...image.environment, ...Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value])) },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', (line) => lines.push(line));
    const ended = once(child, 'close').then(([code, signal]) => code ?? (signal === null ? -1 : 128));
    const running = { lines, process: child, ended };
    this.#running.set(container.name, running);
    return running;
  }

  /** Makes the container's root, and becomes its process. */
  #script(container: Container, image: RunnableImage): string {
    const root = join(this.#world.folder, 'roots', container.name);
    const bind = (from: string, to: string): string => `mount --bind ${from} ${root}${to}`;
    const lines = [`mkdir -p ${root}`, `mount -t tmpfs root ${root}`, `cd ${root}`];
    lines.push('mkdir usr etc proc dev', 'for link in bin lib lib64 sbin; do cp -P /$link .; done');
    lines.push(
      'cp /etc/passwd /etc/group /etc/ld.so.cache etc/',
      'mount --bind /usr usr',
      'mount --bind /dev dev',
      'mount --bind /proc proc',
    );
    for (const [path, from] of Object.entries(image.content)) {
      lines.push(`if [ -d ${from} ]; then mkdir -p .${path}; else mkdir -p $(dirname .${path}); touch .${path}; fi`);
      lines.push(bind(from, path), `mount -o remount,bind,ro .${path}`);
    }
    for (const { name, mountPath, readOnly } of container.volumeMounts ?? []) {
      lines.push(`mkdir -p .${mountPath}`, bind(this.volume(name), mountPath));
      if (readOnly === true) lines.push(`mount -o remount,bind,ro .${mountPath}`);
    }
    if (container.securityContext?.readOnlyRootFilesystem === true) lines.push(`mount -o remount,ro ${root}`);
    const command = [...(container.command ?? image.entrypoint), ...(container.args ?? [])].map(quoted).join(' ');
    lines.push(`exec chroot ${root} setpriv ${this.#rights(container, image)} env --chdir=${image.workingDirectory} ${command}`);
    return lines.join('\n');
  }

  #rights(container: Container, image: RunnableImage): string {
    const context = { ...this.#pod.spec?.securityContext, ...container.securityContext };
    const uid = context.runAsUser ?? image.uid;
    if (context.runAsNonRoot === true && uid === 0) throw new Error(`${container.name} would run as root`);
    const group = this.#pod.spec?.securityContext?.fsGroup;
    const groups = group === undefined ? '--clear-groups' : `--groups=${group}`;
    const drops = context.capabilities?.drop?.includes('ALL') === true ? '--bounding-set=-all --inh-caps=-all' : '';
    const privileges = context.allowPrivilegeEscalation === false ? '--no-new-privs' : '';
    return `--reuid=${uid} --regid=${context.runAsGroup ?? image.gid} ${groups} ${drops} ${privileges}`;
  }

  async #untilStarted({ name, startupProbe }: Container): Promise<void> {
    const probe = startupProbe?.httpGet;
    if (probe === undefined) throw new Error(`${name} has no start-up probe`);
    const endMs = Date.now() + PROBE_MS;
    while (!(await this.#answers(probe))) {
      const { process, lines } = this.container(name);
      if (process.exitCode !== null || Date.now() > endMs) throw new Error(`${name} did not start:\n${lines.join('\n')}`);
    }
  }

  /** Asks from within the pod's network, as a kubelet would from the node. */
  async #answers({ path = '/', port }: HTTPGetAction): Promise<boolean> {
    const program = `const answer = await fetch('http://127.0.0.1:${port}${path}').catch(() => undefined); process.exit(answer?.ok ? 0 : 1)`;
    const args = [`--net=/proc/${this.#network?.pid}/ns/net`, process.execPath, '--input-type=module', '--eval', program];
    return await promisify(execFile)('nsenter', args).then(
      () => true,
      () => false,
    );
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
