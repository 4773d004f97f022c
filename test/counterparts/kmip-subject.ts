import { randomBytes, randomUUID } from 'node:crypto';
import { parseKeyConfigurationId } from '../../src/core/ids.ts';
import { type KmipSettings, kmipSettingsSchema } from '../../src/kms/kmip/config.ts';
import { kmipProvider } from '../../src/kms/kmip/provider.ts';
import type { KmipTarget } from '../../src/kms/kmip/tls.ts';
import type { KmsKey } from '../../src/kms/kms.ts';
import { contextOf, sample, scope } from '../contract/kms-calls.ts';
import type { ContractSetup, ContractSubject } from '../contract/kms-subject.ts';
import { operationsOf, response } from '../unit/kms/kmip/kmip-samples.ts';
import { freePort } from './harness.ts';
import type { KmipAdmin } from './kmip-admin.ts';
import { KmipProxy, withDataOf } from './kmip-proxy.ts';
import type { KmipCertificates } from './kmip-pykmip.ts';

/** A KMIP server with a customer's administrator and the daemon as its clients. */
export interface KmipWorld {
  readonly certificates: KmipCertificates;
  readonly admin: KmipAdmin;
  /** As the daemon reaches it. */
  readonly target: KmipTarget;
}

export function openKey(target: KmipTarget, settings: Partial<KmipSettings>): KmsKey {
  return kmipProvider().open(parseKeyConfigurationId('acme-main'), kmipSettingsSchema.parse({ ...target, ...settings }));
}

const NEVER = {
  scheduleDeletion: 'KMIP has no deletion that is scheduled: Destroy takes effect at once',
  rotate: 'a wrap names no version: Re-key makes another object, which here is another configuration',
} as const;

/** The daemon is refused by PyKMIP's own policy. */
const HOW = { refused: 'real' } as const;

/** A result reason of KMIP 2.0: Server Limit Exceeded. */
const SERVER_LIMIT_EXCEEDED = 0x3a;

/** The key by its Unique Identifier, straight at the server: its IVs, one request a use. */
export function contractByIdentifier(world: KmipWorld): ContractSetup {
  return {
    how: HOW,
    notApplicable: {
      ...NEVER,
      enable: 'KMIP leads from Deactivated to Active by no operation',
      calls: 'the run by name counts them, through a proxy',
    },
    open: async () => {
      const { admin, target } = world;
      const [uniqueIdentifier, other] = [await admin.createKey(), await admin.createKey()];
      return new Subject(world, target).with({
        main: { key: { uniqueIdentifier } },
        other: { key: { uniqueIdentifier: other } },
        missing: { key: { uniqueIdentifier: '999999' } },
        disable: () => admin.deactivate(uniqueIdentifier),
        destroy: () => end(admin, uniqueIdentifier),
      });
    },
  };
}

/** The key by its name, through a proxy that counts: the daemon's IVs, two requests a use, and a customer that has kept the material. */
export function contractByName(world: KmipWorld): ContractSetup {
  return {
    how: HOW,
    disabling: 'to enable the key again the customer destroys the deactivated object and registers the same material',
    notApplicable: NEVER,
    open: async () => {
      const { admin, certificates, target } = world;
      const [material, name, otherName] = [randomBytes(32), randomUUID(), randomUUID()];
      let uid = await admin.registerKey(material, { name });
      await admin.createKey({ name: otherName });
      const proxy = await KmipProxy.start(certificates, target);
      const settings = { ivSource: 'caller', batching: false } as const;
      const subject = new Subject(world, { ...target, port: proxy.stub.port }, proxy).with({
        main: { ...settings, key: { name } },
        other: { ...settings, key: { name: otherName } },
        missing: { ...settings, key: { name: randomUUID() } },
        disable: () => admin.deactivate(uid),
        destroy: () => end(admin, uid),
      });
      return {
        ...subject,
        calls: () => proxy.stub.requests.length,
        enable: async () => {
          await admin.destroy(uid);
          uid = await admin.registerKey(material, { name });
        },
      };
    },
  };
}

/** KMIP lets go of a key in two steps. */
async function end(admin: KmipAdmin, uid: string): Promise<void> {
  await admin.deactivate(uid);
  await admin.destroy(uid);
}

interface Keys {
  readonly main: Partial<KmipSettings>;
  readonly other: Partial<KmipSettings>;
  readonly missing: Partial<KmipSettings>;
  disable(): Promise<void>;
  destroy(): Promise<void>;
}

/** Opens keys and proxies for one test and closes them after it. */
class Subject {
  readonly #world: KmipWorld;
  readonly #target: KmipTarget;
  readonly #keys: KmsKey[] = [];
  readonly #proxies: KmipProxy[] = [];

  constructor(world: KmipWorld, target: KmipTarget, ...proxies: readonly KmipProxy[]) {
    this.#world = world;
    this.#target = target;
    this.#proxies.push(...proxies);
  }

  with({ main, other, missing, disable, destroy }: Keys): ContractSubject {
    const key = this.#open(main);
    return {
      key,
      otherKey: this.#open(other),
      unacceptedVersion: '1',
      disable,
      destroy,
      missing: async () => this.#open(missing),
      refused: async () => {
        const uniqueIdentifier = await this.#world.admin.createKey({ policy: 'default' });
        return this.#open({ ...main, key: { uniqueIdentifier } });
      },
      throttled: async () => {
        const { stub, port } = await this.#proxy();
        stub.answer((request) => {
          const operations = operationsOf(request);
          const refusals = operations.map(() => ({ reason: SERVER_LIMIT_EXCEEDED }));
          return response(operations, refusals);
        });
        return this.#open({ ...main, port });
      },
      unreachable: async () => this.#open({ ...main, port: await freePort() }),
      hanging: async () => {
        const { stub, port } = await this.#proxy();
        stub.answer(() => 'hang');
        return { key: this.#open({ ...main, port }), reached: () => stub.reached(1) };
      },
      garbage: async (bytes) => {
        const { port } = await this.#proxy(bytes);
        using dataKey = sample();
        const wrapped = await key.wrap({ dataKey, context: contextOf() }, scope().signal);
        return { key: this.#open({ ...main, port }), wrapped };
      },
      close: async () => {
        await Promise.all(this.#keys.map((opened) => opened.close()));
        await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
      },
    };
  }

  #open(settings: Partial<KmipSettings>): KmsKey {
    const key = openKey(this.#target, settings);
    this.#keys.push(key);
    return key;
  }

  async #proxy(bytes = 32): Promise<{ readonly stub: KmipProxy['stub']; readonly port: number }> {
    const proxy = await KmipProxy.start(this.#world.certificates, this.#world.target, withDataOf(bytes));
    this.#proxies.push(proxy);
    return { stub: proxy.stub, port: proxy.stub.port };
  }
}
