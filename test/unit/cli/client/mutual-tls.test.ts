import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { KeysideClient, UnavailableError } from '../../../../clients/typescript/src/index.ts';
import { bindListeners } from '../../../../src/rpc/listen.ts';
import { CONNECTIONS, Edge } from '../../../fakes/edge.ts';
import { Authority, type Certificate, temporaryFolder, writeCertificate } from '../../kms/kmip/certificates.ts';

/** A daemon that shows and demands certificates, and what a client needs to speak to it. */
async function secured(t: TestContext, server: (authority: Authority) => Certificate) {
  const authority = new Authority('Authority');
  const folder = await temporaryFolder();
  t.after(() => rmSync(folder, { recursive: true }));
  const caFile = join(folder, 'ca.crt');
  writeFileSync(caFile, authority.certificatePem);
  const { certificateFile, keyFile: privateKeyFile } = await writeCertificate(folder, server(authority));
  const edge = new Edge();
  const tls = { certificateFile, privateKeyFile, clientCaFile: caFile };
  const { tcp } = await bindListeners(edge.server, { tcp: '127.0.0.1:0', unix: undefined, tls }, CONNECTIONS);
  t.after(() => edge.server.forceShutdown());
  const connect = async (shown: Certificate) => {
    const { certificateFile: certFile, keyFile } = await writeCertificate(folder, shown);
    const client = new KeysideClient({ address: tcp as string, tls: { caFile, certFile, keyFile }, connectTimeoutMs: 0 });
    t.after(() => client.close());
    return client;
  };
  return { authority, connect };
}

const ours = (authority: Authority): Certificate => authority.server(['127.0.0.1']);

describe('the client over mutual TLS', () => {
  it('encrypts, decrypts and streams', async (t) => {
    const { authority, connect } = await secured(t, ours);
    const client = await connect(authority.client('app'));
    const stored = await client.encrypt({ a: 'x' }, { tenantId: 'acme' });
    assert.equal((await client.decrypt(stored, { tenantId: 'acme' })).text('a'), 'x');
    let bytes = 0;
    const sealed = client.encryptStream([Buffer.alloc(500_000)], { tenantId: 'acme' });
    for await (const chunk of client.decryptStream(sealed, { tenantId: 'acme' })) bytes += chunk.length;
    assert.equal(bytes, 500_000);
  });

  const refused: readonly {
    readonly name: string;
    readonly server: typeof ours;
    readonly shown?: Authority;
    readonly says: RegExp;
  }[] = [
    { name: 'of another authority', server: () => new Authority('Other').server(['127.0.0.1']), says: /unable to|certificate/i },
    {
      name: 'for another host',
      server: (authority) => authority.server(['keyside.example']),
      says: /not in the cert's list|altnames/i,
    },
    { name: 'that has expired', server: (authority) => authority.server(['127.0.0.1'], true), says: /expired/ },
    { name: 'that is its own, but for its client', server: ours, shown: new Authority('Stranger'), says: /./ },
  ];
  for (const { name, server, shown, says } of refused) {
    it(`sends nothing to a daemon whose certificate is one ${name}`, async (t) => {
      // What the environment says of certificates is not listened to.
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
      t.after(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED);
      const { authority, connect } = await secured(t, server);
      const client = await connect((shown ?? authority).client('app'));
      await assert.rejects(client.encrypt({ a: 'x' }, { tenantId: 'acme' }), (error) => {
        assert.ok(error instanceof UnavailableError, `threw ${error}`);
        assert.match(error.message, says);
        return true;
      });
    });
  }
});
