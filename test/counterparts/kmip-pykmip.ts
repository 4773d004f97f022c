import { writeFileSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Authority, type CertificateFiles, temporaryFolder, writeCertificate } from '../unit/kms/kmip/certificates.ts';
import { type Recipe, run, TOOLS } from './harness.ts';

const VENV = join(TOOLS, 'venv-kmip');

/** With PyKMIP's client library, too. */
export const PYKMIP_PYTHON = join(VENV, 'bin/python');

const OWNERS = { ACTIVATE: 'ALLOW_OWNER', REVOKE: 'ALLOW_OWNER', DESTROY: 'ALLOW_OWNER' };

/**
 * What others than its owner may do with a key, by the name of the policy that it was created with. Encrypt and Decrypt go by the
 * permission for Get. Of PyKMIP's own policy, `default`, others may do nothing.
 */
const POLICIES = {
  keyside: { ...OWNERS, LOCATE: 'ALLOW_ALL', GET: 'ALLOW_ALL', GET_ATTRIBUTES: 'ALLOW_ALL' },
  secretive: { ...OWNERS, LOCATE: 'ALLOW_ALL', GET: 'ALLOW_ALL', GET_ATTRIBUTES: 'ALLOW_OWNER' },
  last: OWNERS,
} as const;

/** When this one is loaded, the others are. */
const LAST_POLICY: keyof typeof POLICIES = 'last';

export type PolicyName = keyof typeof POLICIES | 'default';

/** Certificates for a server on loopback, its customer's administrator, and the daemon. */
export interface KmipCertificates {
  readonly folder: string;
  readonly authority: Authority;
  readonly caFile: string;
  readonly server: CertificateFiles;
  readonly administrator: CertificateFiles;
  readonly daemon: CertificateFiles;
}

export async function kmipCertificates(): Promise<KmipCertificates> {
  const folder = await temporaryFolder();
  const authority = new Authority('counterpart authority');
  const caFile = join(folder, 'ca.crt');
  await writeFile(caFile, authority.certificatePem);
  return {
    folder,
    authority,
    caFile,
    server: await writeCertificate(folder, authority.server(['127.0.0.1', 'localhost'])),
    administrator: await writeCertificate(folder, authority.client('administrator')),
    daemon: await writeCertificate(folder, authority.client('keyside')),
  };
}

/** A KMIP server of its own: PyKMIP (Python, Apache-2.0). Keeps its keys in a SQLite file. */
export function pykmip({ caFile, server }: KmipCertificates): Recipe {
  let logFile = '';
  return {
    name: 'PyKMIP (KMIP)',
    needs: ['python3'],
    program: 'venv-kmip/bin/keyside-kmip-server',

    /** The program is written last, so that an installation that was broken off is made anew. */
    async install() {
      await run('python3', ['-m', 'venv', '--clear', VENV]);
      await run(join(VENV, 'bin/pip'), [
        'install',
        '--quiet',
        '--disable-pip-version-check',
        'PyKMIP==0.10.0',
        'cryptography==42.0.8',
        'SQLAlchemy==1.4.54',
        'six==1.17.0',
      ]);
      const program = join(VENV, 'bin/keyside-kmip-server');
      await writeFile(program, `#!${PYKMIP_PYTHON}\n${LAUNCHER}`);
      await chmod(program, 0o755);
    },

    command(port, folder) {
      const file = (name: string): string => join(folder, name);
      const settings = {
        hostname: '127.0.0.1',
        port,
        certificate_path: server.certificateFile,
        key_path: server.keyFile,
        ca_path: caFile,
        auth_suite: 'TLS1.2',
        policy_path: folder,
        database_path: file('keys.sqlite'),
        logging_level: 'INFO',
      };
      const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
      writeFileSync(file('server.conf'), `[server]\n${lines.join('\n')}\n`);
      const policies = Object.entries(POLICIES).map(([name, preset]) => [name, { preset: { SYMMETRIC_KEY: preset } }]);
      writeFileSync(file('policy.json'), JSON.stringify(Object.fromEntries(policies)));
      logFile = file('server.log');
      return { args: ['-f', file('server.conf'), '-l', logFile] };
    },

    /** It listens a second before it has read its policies. */
    async isUp() {
      return (await readFile(logFile, 'utf8')).includes(`Loading policy: ${LAST_POLICY}`);
    },
  };
}

/**
 * Two things that PyKMIP leaves to be done: `ssl.wrap_socket`, which it calls, is gone from Python 3.12 on; and of its three processes
 * only one ends with SIGTERM, seconds later, so here they form a group and end together, at once, or with their parent.
 */
const LAUNCHER = `
import ctypes, os, signal, ssl, sys, warnings

warnings.simplefilter("ignore")

os.setsid()

def end_all(*_):
    os.killpg(0, signal.SIGKILL)

set_handler = signal.signal
signal.signal = lambda number, handler: set_handler(number, end_all if number == signal.SIGTERM else handler)
signal.signal(signal.SIGTERM, end_all)

if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    libc = ctypes.CDLL(None)
    os.register_at_fork(after_in_child=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))

if not hasattr(ssl, "wrap_socket"):
    def wrap_socket(sock, keyfile, certfile, server_side, cert_reqs, ssl_version, ca_certs,
                    do_handshake_on_connect, suppress_ragged_eofs, ciphers):
        context = ssl.SSLContext(ssl_version)
        context.verify_mode = cert_reqs
        context.load_verify_locations(ca_certs)
        context.load_cert_chain(certfile, keyfile)
        context.set_ciphers(ciphers)
        return context.wrap_socket(sock, server_side=server_side, do_handshake_on_connect=do_handshake_on_connect,
                                   suppress_ragged_eofs=suppress_ragged_eofs)
    ssl.wrap_socket = wrap_socket

from kmip.services.server.server import main

main()
`;
