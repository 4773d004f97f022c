import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { CLIENT_ID, CLIENT_SECRET, LOOPBACK_PEM, TENANT_ID } from '../unit/kms/azure/azure-samples.ts';

const RESOURCE = 'https://vault.azure.net';
const KEY_ID = 'of-this-run';
const LIFETIME_S = 3_600;

interface Reply {
  readonly status: number;
  readonly body: object;
}

/** An application that may have tokens. */
interface Application {
  readonly secret: string;
  /** Who it is to the vault. */
  readonly objectId: string;
}

export const DAEMON: Application = { secret: CLIENT_SECRET, objectId: '00000000-0000-0000-0000-000000000001' };
export const CUSTOMER: Application & { readonly clientId: string } = {
  clientId: '77777777-7777-8888-9999-aaaaaaaaaaaa',
  secret: 'of-the-customer',
  objectId: '00000000-0000-0000-0000-000000000002',
};

const APPLICATIONS: Readonly<Record<string, Application>> = { [CLIENT_ID]: DAEMON, [CUSTOMER.clientId]: CUSTOMER };

/**
 * As much of Entra ID as a client secret needs: OpenID metadata, a token endpoint that checks the secret, and the keys that its tokens
 * (RS256) are verified by. Over TLS, on loopback.
 */
export class Entra {
  readonly #server: Server;
  readonly #key: KeyObject;

  private constructor(server: Server) {
    this.#server = server;
    this.#key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response));
  }

  static async start(): Promise<Entra> {
    const pem = readFileSync(LOOPBACK_PEM);
    const server = createServer({ key: pem, cert: pem });
    const entra = new Entra(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return entra;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get issuer(): string {
    return `${this.url}/${TENANT_ID}/v2.0`;
  }

  get keysUrl(): string {
    return `${this.url}/${TENANT_ID}/discovery/v2.0/keys`;
  }

  /** A token of this authority, with what is to be otherwise; `key` signs it. */
  mint(claims: object = {}, key: KeyObject = this.#key): string {
    const nowS = Math.floor(Date.now() / 1_000);
    const body = {
      iss: this.issuer,
      aud: RESOURCE,
      oid: DAEMON.objectId,
      idtyp: 'app',
      nbf: nowS,
      exp: nowS + LIFETIME_S,
      ...claims,
    };
    const signed = [{ alg: 'RS256', typ: 'JWT', kid: KEY_ID }, body].map((part) => encode(JSON.stringify(part))).join('.');
    return `${signed}.${encode(sign('sha256', Buffer.from(signed), key))}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams((await request.toArray()).join(''));
    const [path = ''] = String(request.url).split('?');
    const { status, body } = this.#reply(path, form);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }

  #reply(path: string, form: URLSearchParams): Reply {
    const authority = `${this.url}/${TENANT_ID}`;
    const token_endpoint = `${authority}/oauth2/v2.0/token`;
    if (`${this.url}${path}` === this.keysUrl) {
      const { n, e } = createPublicKey(this.#key).export({ format: 'jwk' });
      return { status: 200, body: { keys: [{ kty: 'RSA', use: 'sig', kid: KEY_ID, n, e }] } };
    }
    if (`${this.url}${path}` === token_endpoint) return this.#token(form);
    if (path === `/${TENANT_ID}/v2.0/.well-known/openid-configuration`) {
      const authorization_endpoint = `${authority}/oauth2/v2.0/authorize`;
      return { status: 200, body: { issuer: this.issuer, token_endpoint, authorization_endpoint, jwks_uri: this.keysUrl } };
    }
    return refusal(90002, 'invalid_tenant');
  }

  #token(form: URLSearchParams): Reply {
    const clientId = form.get('client_id') ?? '';
    const application = APPLICATIONS[clientId];
    if (application === undefined) return refusal(700016, 'unauthorized_client');
    if (form.get('client_secret') !== application.secret) return refusal(7000215, 'invalid_client', 401);
    const scopes = (form.get('scope') ?? '').split(' ');
    if (!scopes.includes(`${RESOURCE}/.default`)) return refusal(500011, 'invalid_resource');
    const access_token = this.mint({ oid: application.objectId, appid: clientId });
    return { status: 200, body: { token_type: 'Bearer', expires_in: LIFETIME_S, access_token } };
  }
}

function refusal(number: number, error: string, status = 400): Reply {
  return { status, body: { error, error_codes: [number], error_description: `AADSTS${number}: refused` } };
}

function encode(part: string | Buffer): string {
  return Buffer.from(part).toString('base64url');
}
