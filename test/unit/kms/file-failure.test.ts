import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { failureOf as awsFailureOf } from '../../../src/kms/aws/errors.ts';
import { isFileFailure } from '../../../src/kms/file-failure.ts';
import { credentialsError } from '../../../src/kms/gcp/credential-errors.ts';
import { failureOf as vaultFailureOf } from '../../../src/kms/vault/errors.ts';

const CASES = [
  { name: 'a file that is missing', code: 'ENOENT', syscall: 'open', want: true },
  { name: 'a file that may not be looked at', code: 'EACCES', syscall: 'stat', want: true },
  { name: 'a folder in place of a file', code: 'EISDIR', syscall: 'read', want: true },
  { name: 'a disk that fails', code: 'EIO', syscall: 'read', want: true },
  { name: 'a connection that was reset', code: 'ECONNRESET', syscall: 'read', want: false },
  { name: 'a connection that fell silent', code: 'ETIMEDOUT', syscall: 'read', want: false },
  { name: 'a host that is gone', code: 'EHOSTUNREACH', syscall: 'read', want: false },
  { name: 'a port that nobody listens on', code: 'ECONNREFUSED', syscall: 'connect', want: false },
  { name: 'an error that is not of the system', code: undefined, syscall: undefined, want: false },
];

describe('failures of files', () => {
  for (const { name, code, syscall, want } of CASES) {
    it(`${name} ${want ? 'is one' : 'is none'}`, () => assert.equal(isFileFailure(code, syscall), want));
  }

  it('a connection that is reset while it is read is weather to every provider', async () => {
    const reset = await connectionReset();
    assert.equal(reset.syscall, 'read');
    assert.equal(awsFailureOf(reset).reason, 'KMS_UNAVAILABLE');
    assert.equal(vaultFailureOf(reset).reason, 'KMS_UNAVAILABLE');
    assert.equal(credentialsError(reset).failure.reason, 'KMS_UNAVAILABLE');
  });

  it('a file that cannot be read is a misconfiguration to every provider', async () => {
    for (const path of [join(tmpdir(), 'no-such-file-of-keyside'), tmpdir()]) {
      const error = await readFile(path).catch((cause: NodeJS.ErrnoException) => cause);
      assert.equal(awsFailureOf(error).reason, 'KEY_MISCONFIGURED');
      assert.equal(vaultFailureOf(error).reason, 'KEY_MISCONFIGURED');
      assert.equal(credentialsError(error).failure.reason, 'KEY_MISCONFIGURED');
    }
  });
});

/** What Node reports of a connection that the other side resets. */
async function connectionReset(): Promise<NodeJS.ErrnoException> {
  const server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.once('connect', () => socket.write('a request'));
  const [error] = (await once(socket, 'close').then(
    () => assert.fail('the connection was not reset'),
    (cause: unknown) => [cause],
  )) as [NodeJS.ErrnoException];
  server.close();
  return error;
}
