import { KmipPool } from '../../src/kms/kmip/pool.ts';
import { TAG } from '../../src/kms/kmip/tags.ts';
import { type KmipTarget, openConnection } from '../../src/kms/kmip/tls.ts';
import { decodeTtlv, encodeTtlv, type TtlvItem } from '../../src/kms/kmip/ttlv.ts';
import { type Answering, KmipStub } from '../unit/kms/kmip/kmip-stub.ts';
import type { KmipCertificates } from './kmip-pykmip.ts';

/** Changes an item of a response on its way back; called for each, the innermost first. */
export type Rewrite = (item: TtlvItem) => TtlvItem;

/** Stands before the real server: counts what is asked of it, changes what it answers, or keeps silent. */
export class KmipProxy {
  readonly stub: KmipStub;
  readonly #upstream: KmipPool;

  private constructor(stub: KmipStub, upstream: KmipPool) {
    this.stub = stub;
    this.#upstream = upstream;
  }

  static async start({ authority }: KmipCertificates, server: KmipTarget, rewrite: Rewrite = (item) => item): Promise<KmipProxy> {
    const upstream = new KmipPool(4, { open: (signal) => openConnection(server, signal), nowMs: () => performance.now() });
    const call = { signal: new AbortController().signal, lane: 'proxy' };
    const answer: Answering = async (request) => {
      const response = await upstream.exchange(() => request.slice(), call);
      return encodeTtlv(rewritten(decodeTtlv(response), rewrite));
    };
    const certificate = authority.server(['127.0.0.1']);
    return new KmipProxy(await KmipStub.start({ answer, authority, certificate, maxVersion: 'TLSv1.3' }), upstream);
  }

  async stop(): Promise<void> {
    await this.stub.stop();
    this.#upstream.close();
  }
}

function rewritten(item: TtlvItem, rewrite: Rewrite): TtlvItem {
  if (item.type !== 'structure') return rewrite(item);
  return rewrite({ ...item, items: item.items.map((child) => rewritten(child, rewrite)) });
}

/** Every data key that a Decrypt yields has so many bytes. */
export function withDataOf(bytes: number): Rewrite {
  return (item) => (item.tag === TAG.data && item.type === 'bytes' ? { ...item, value: new Uint8Array(bytes).fill(1) } : item);
}

/** The State attribute has this value, whatever the server says. */
export function withState(state: number): Rewrite {
  return (item) => {
    if (item.tag !== TAG.attribute || item.type !== 'structure') return item;
    const isState = item.items.some((child) => child.type === 'text' && child.value === 'State');
    if (!isState) return item;
    const items = item.items.map((child) => (child.type === 'enumeration' ? { ...child, value: state } : child));
    return { ...item, items };
  };
}
