import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Recipe, run, TOOLS } from './harness.ts';

const VERSION = 'v2.12.0';
const MODULE = 'github.com/Shopify/toxiproxy/v2';

/** Toxiproxy (Go, MIT): TCP proxies whose connections are cut, slowed and reset by order. */
export const TOXIPROXY: Recipe = {
  name: 'Toxiproxy (network faults)',
  needs: ['go'],
  program: 'bin/toxiproxy-server',

  /** Built in a folder of its own, for the program is called `server`. */
  async install() {
    const folder = await mkdtemp(join(tmpdir(), 'keyside-toxiproxy-'));
    try {
      await run('go', ['install', `${MODULE}/cmd/server@${VERSION}`], { env: { GOBIN: folder } });
      await run('mkdir', ['-p', join(TOOLS, 'bin')]);
      await run('cp', [join(folder, 'server'), join(TOOLS, 'bin/toxiproxy-server')]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },

  command: (port) => ({ args: ['-host', '127.0.0.1', '-port', String(port)], env: { LOG_LEVEL: 'warn' } }),

  isUp: async (url) => (await fetch(`${url}/version`)).ok,
};

/**
 * `cut`: connections end, and new ones are refused. `slow`: every answer takes five seconds more. `reset`: connections are accepted
 * and reset as soon as the service would answer.
 */
export type NetworkFault = 'cut' | 'slow' | 'reset';

const TOXICS = {
  slow: { type: 'latency', attributes: { latency: 5_000 } },
  reset: { type: 'reset_peer', attributes: { timeout: 0 } },
} as const;

/** One proxy before one address. */
export class ToxicProxy {
  readonly url: string;
  readonly #api: string;

  private constructor(url: string, api: string) {
    this.url = url;
    this.#api = api;
  }

  /** `target` is what it stands before, e.g. `http://127.0.0.1:4599`. */
  static async create(server: string, name: string, target: string): Promise<ToxicProxy> {
    const proxy = { name, listen: '127.0.0.1:0', upstream: new URL(target).host, enabled: true };
    const { listen } = (await ask('POST', `${server}/proxies`, proxy)) as { listen: string };
    return new ToxicProxy(`http://${listen}`, `${server}/proxies/${name}`);
  }

  async disturb(fault: NetworkFault): Promise<void> {
    if (fault === 'cut') await ask('POST', this.#api, { enabled: false });
    else await ask('POST', `${this.#api}/toxics`, { ...TOXICS[fault], name: fault, stream: 'downstream', toxicity: 1 });
  }

  async restore(fault: NetworkFault): Promise<void> {
    if (fault === 'cut') await ask('POST', this.#api, { enabled: true });
    else await ask('DELETE', `${this.#api}/toxics/${fault}`);
  }
}

async function ask(method: string, url: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(url, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
