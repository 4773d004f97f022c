import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import type { Entra } from './azure-entra.ts';
import type { Recipe } from './harness.ts';

const NAME = 'azure-keyvault-emulator';
const VERSION = '0.7.0';
const BY_HAND = `no package registry hands it out; put version ${VERSION} at .tools/bin/${NAME} by hand`;

/** The recipe, and the certificate that the emulator made for itself once it runs. */
export interface AzureEmulator extends Recipe {
  certificate(): Buffer;
}

/**
 * A Key Vault of its own: github.com/calvinchengx/azure-keyvault-emulator (Go, Apache-2.0). Real RSA, and it verifies the tokens of
 * the authority that it is given. No package registry is known to hand it out, so it is not installed here but put in place by hand.
 */
export function azureEmulator(entra: Entra): AzureEmulator {
  let data = '';
  const certificate = (): Buffer => readFileSync(join(data, 'tls/cert.pem'));
  return {
    name: `${NAME} (Azure Key Vault)`,
    needs: [],
    program: `bin/${NAME}`,
    certificate,

    onlyByHand: BY_HAND,
    install: () => Promise.reject(new Error(BY_HAND)),

    command(port, folder) {
      data = join(folder, 'vault');
      const issuer = ['--entra-issuer', entra.issuer, '--entra-jwks-url', entra.keysUrl, '--entra-tls-insecure'];
      return { args: ['--addr', `127.0.0.1:${port}`, ...issuer], env: { KV_DATA_DIR: data } };
    },

    isUp: async (url) => isHealthy(url.replace('http:', 'https:'), certificate()),
  };
}

async function isHealthy(url: string, ca: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    get(`${url}/health`, { ca }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    }).on('error', reject);
  });
}
