import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Container, Pod } from 'kubernetes-types/core/v1.d.ts';
import { injectPod } from '../../src/injector/inject-pod.ts';
import { DEFAULT_SETTINGS } from '../../src/injector/settings.ts';
import { createKey } from '../../src/kms/local/store.ts';
import { applyJsonPatch } from '../fakes/apply-json-patch.ts';
import type { Image } from './image-steps.ts';
import { PodProcesses, type RunnableImage } from './kubelet.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const IMAGE = 'registry.example.com/keyside:0.1.0';
const SIDECAR_USER = 65_532;
const isRoot = process.getuid?.() === 0;

/** Two users beside the sidecar's own: what is shared is shared by the pod's group alone. */
const USERS = { app: 1001, worker: 2002 };

const POD: Pod = {
  metadata: {
    name: 'shop',
    annotations: {
      'keyside.dev/inject': 'true',
      'keyside.dev/containers': 'migrate,app,worker',
      'keyside.dev/tenants': 'acme',
      'keyside.dev/tenants.worker': 'globex',
      'keyside.dev/tenants-config': 'tenants',
      'keyside.dev/secret': 'deployment',
      'keyside.dev/token-audiences': 'aws',
    },
  },
  spec: {
    initContainers: [caller('migrate', ['acme', 'globex'], USERS.app)],
    containers: [
      caller('app', ['acme', 'globex'], USERS.app),
      caller('worker', ['globex', 'acme'], USERS.worker),
      caller('stranger', ['acme', 'globex'], USERS.worker),
    ],
  },
};

/** A container of the application: calls for the first tenant, and tries the second. */
function caller(name: string, tenants: readonly string[], runAsUser: number): Container {
  return {
    name,
    image: 'registry.example.com/shop:1',
    args: ['test/counterparts/pod-caller.ts', ...tenants],
    securityContext: { runAsUser, runAsGroup: runAsUser, readOnlyRootFilesystem: true },
  };
}

interface Said {
  readonly own: string;
  readonly other: string;
  readonly withoutToken: string;
  readonly user: number;
  readonly run: readonly string[];
  readonly tokens: readonly string[];
}

/** A pod as the injector leaves it, started as processes with the image's own content. */
export function describeInjectedPod(base: string, image: () => Image): void {
  describe('an injected pod', { skip: isRoot ? false : 'namespaces and users of their own need root' }, () => {
    const folder = join(base, 'pod');
    let pod: PodProcesses;

    before(async () => {
      await mkdir(folder);
      const injection = injectPod(POD, { ...DEFAULT_SETTINGS, version: '0.1.0', image: IMAGE });
      assert.ok(injection.kind === 'patch', JSON.stringify(injection));
      const patched = applyJsonPatch(POD, injection.operations) as Pod;
      pod = new PodProcesses(patched, {
        folder,
        image: (container) => (container.image === IMAGE ? sidecarImage(image(), folder) : appImage()),
        files: await configuration(folder),
      });
      await pod.start();
    });
    after(async () => {
      await pod.close();
      await rm(folder, { recursive: true, force: true });
    });

    const said = async (name: string): Promise<Said> => {
      const { ended, lines } = pod.container(name);
      assert.equal(await ended, 0, lines.join('\n'));
      return JSON.parse(lines.at(-1) ?? '') as Said;
    };

    it("serves each container that was named, as users of their own, for its token's tenants alone", async () => {
      for (const [name, user] of [['migrate', USERS.app] as const, ...Object.entries(USERS)]) {
        const { own, other, withoutToken, user: asUser, run } = await said(name);
        assert.deepEqual(
          { name, own, other, withoutToken, asUser },
          {
            name,
            own: 'OK',
            other: 'CALLER_NOT_ALLOWED',
            withoutToken: 'CALLER_UNAUTHENTICATED',
            asUser: user,
          },
        );
        assert.deepEqual(run, ['keyside', 'keyside-token']);
      }
    });

    it('gives a container that was not named neither socket nor token', async () => {
      const { own, run, tokens } = await said('stranger');
      assert.deepEqual([own, run, tokens], ['UNAVAILABLE', [], []]);
    });

    it('runs the sidecar without rights', async () => {
      const { pid } = pod.container('keyside').process;
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      assert.match(status, /^Uid:\t65532\t65532\t65532\t65532$/m);
      assert.match(status, /^CapEff:\t0+$/m);
      assert.match(status, /^CapBnd:\t0+$/m);
      assert.match(status, /^NoNewPrivs:\t1$/m);
      assert.match(await readFile(`/proc/${pid}/mounts`, 'utf8'), /^root \/ tmpfs ro\b/m);
    });

    it('ends with everything on record, where the volume is', async () => {
      assert.equal(await pod.stop('keyside'), 0, pod.container('keyside').lines.join('\n'));
      const spool = join(pod.volume('keyside-audit'), 'audit/1');
      const text = (await Promise.all((await readdir(spool)).map((name) => readFile(join(spool, name), 'latin1')))).join('');
      for (const name of ['migrate', 'app', 'worker']) assert.ok(text.includes(`"${name}"`), `${name} is not on record`);
      const log = pod.container('keyside').lines.join('\n');
      for (const token of await tokens(pod)) assert.ok(!log.includes(token) && !text.includes(token));
    });
  });
}

async function tokens(pod: PodProcesses): Promise<string[]> {
  const volumes = (await readdir(pod.volume('.'))).filter((name) => name.startsWith('keyside-token'));
  const found = volumes.map(async (name) => (await readFile(join(pod.volume(name), 'token'), 'utf8')).trim());
  assert.equal(volumes.length, 3);
  return await Promise.all(found);
}

/** Tenants with software keys, which stand for their KMSs, and a secret of the deployment. */
async function configuration(folder: string): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> {
  let tenants = 'tenants:\n';
  await mkdir(join(folder, 'stores'));
  for (const id of ['acme', 'globex']) {
    const store = join(folder, 'stores', `${id}.json`);
    await createKey(store, { id, now: new Date() });
    await chown(store, SIDECAR_USER, SIDECAR_USER);
    tenants += `  ${id}: { keys: [{ id: ${id}-1, provider: local, state: primary, local: { storeFile: /stores/${id}.json } }] }\n`;
  }
  const keyside = 'tenants: /etc/keyside-tenants\noriginKeyFiles: [/etc/keyside-secrets/origin-key]\n';
  return {
    keyside: { 'keyside.yaml': keyside },
    tenants: { 'tenants.yaml': tenants },
    deployment: { 'origin-key': randomBytes(32).toString('base64') },
  };
}

function sidecarImage({ app, environment, command, user }: Image, folder: string): RunnableImage {
  const [uid, gid] = user.split(':').map(Number);
  assert.ok(uid === SIDECAR_USER && gid === SIDECAR_USER);
  return {
    workingDirectory: '/app',
    entrypoint: ['/nodejs/bin/node', ...command.filter((word) => word !== 'sidecar')],
    environment,
    uid,
    gid,
    content: { '/app': app, '/nodejs/bin/node': process.execPath, '/stores': join(folder, 'stores') },
  };
}

/** The application: this checkout's client, run by the same Node. */
function appImage(): RunnableImage {
  return {
    workingDirectory: '/work',
    entrypoint: ['/nodejs/bin/node'],
    environment: {},
    uid: USERS.app,
    gid: USERS.app,
    content: { '/work': ROOT, '/nodejs/bin/node': process.execPath },
  };
}
