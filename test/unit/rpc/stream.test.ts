import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { DecryptStreamOpen, EncryptStreamRequest } from '../../../src/gen/keyside/v1/stream.ts';
import { Callers, digestOfToken } from '../../../src/rpc/callers.ts';
import { Edge, refusalOf, until } from '../../fakes/edge.ts';
import {
  answered,
  chunk,
  decryptCall,
  decrypted,
  decryptedRange,
  decryptOpening,
  encryptCall,
  encrypted,
  encryptOpening,
} from '../../fakes/streams.ts';

const CHUNK = 16_384;

describe('EncryptStream and DecryptStream', () => {
  for (const bytes of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 700_000]) {
    it(`give back an object of ${bytes} bytes, with the header before it and apart from it`, async (t) => {
      const edge = await Edge.start(t);
      const plaintext = randomBytes(bytes);
      const attached = await encrypted(edge, plaintext);
      assert.deepEqual(attached.bytes.subarray(0, attached.edek.length), Buffer.from(attached.edek));
      assert.deepEqual(await decrypted(edge, attached.bytes), plaintext);
      const detached = await encrypted(edge, plaintext, { open: { detached: true } });
      assert.equal(detached.bytes.length, 56 + bytes + 16 * (Math.floor(bytes / CHUNK) + 1));
      assert.deepEqual(await decrypted(edge, detached.bytes, { open: { edek: detached.edek } }), plaintext);
    });
  }

  it('do not care how the bytes are cut', async (t) => {
    const edge = await Edge.start(t);
    const plaintext = randomBytes(3 * CHUNK + 5);
    const { bytes } = await encrypted(edge, plaintext, { pieceBytes: 999 });
    for (const pieceBytes of [77, 1_001, 1_000_000]) {
      assert.deepEqual(await decrypted(edge, bytes, { pieceBytes }), plaintext);
    }
  });

  it('bind the object to its tenant, context and label', async (t) => {
    const edge = await Edge.start(t);
    const context = new Map([['object', '42']]);
    const { edek, bytes } = await encrypted(edge, randomBytes(100), { open: { context, detached: true } });
    const others: Partial<DecryptStreamOpen>[] = [
      { edek, context, tenantId: 'globex' },
      { edek, context: new Map([['object', '43']]) },
      { edek },
    ];
    for (const open of others) {
      assert.equal((await refusalOf(decrypted(edge, bytes, { open }))).reason, 'CIPHERTEXT_REJECTED');
    }
    assert.equal((await decrypted(edge, bytes, { open: { edek, context } })).length, 100);
  });

  it('reject what was cut off, lengthened, altered or put in another order, and give out nothing unverified', async (t) => {
    const edge = await Edge.start(t);
    const plaintext = randomBytes(3 * CHUNK);
    const { edek, bytes } = await encrypted(edge, plaintext, { open: { detached: true } });
    const at = (index: number): number => 56 + index * (CHUNK + 16);
    const part = (index: number): Buffer => bytes.subarray(at(index), at(index + 1));
    const altered = Buffer.from(bytes);
    altered[at(1) + 7] = (altered[at(1) + 7] as number) ^ 1;
    const head = bytes.subarray(0, 56);
    const wrongs = {
      'cut off at a chunk': bytes.subarray(0, at(3)),
      'cut off within a chunk': bytes.subarray(0, at(2) + 5),
      'cut off within the salt': bytes.subarray(0, 20),
      lengthened: Buffer.concat([bytes, Buffer.alloc(1)]),
      altered,
      'in another order': Buffer.concat([head, part(1), part(0), part(2), part(3)]),
      'without a chunk': Buffer.concat([head, part(0), part(2), part(3)]),
    };
    for (const [name, wrong] of Object.entries(wrongs)) {
      const call = decryptCall(edge);
      const received: Buffer[] = [];
      call.on('data', (answer: { chunk?: Uint8Array }) => received.push(Buffer.from(answer.chunk ?? [])));
      const answer = answered(call as never);
      call.write(decryptOpening({ edek }));
      call.write(chunk(wrong));
      call.end();
      assert.equal((await refusalOf(answer)).reason, 'CIPHERTEXT_REJECTED', name);
      const given = Buffer.concat(received);
      assert.deepEqual(given, plaintext.subarray(0, given.length), `${name}: what was given out is the beginning of the object`);
    }
  });

  it('give ranges: random ones, at chunk borders, empty ones and ones beyond the end', async (t) => {
    const edge = await Edge.start(t);
    const size = 5 * CHUNK + 123;
    const plaintext = randomBytes(size);
    const { edek, bytes } = await encrypted(edge, plaintext, { open: { detached: true } });
    const ranges = [
      ...Array.from({ length: 40 }, () => ({ offset: randomInt(size), length: randomInt(size) })),
      { offset: 0, length: CHUNK },
      { offset: CHUNK, length: 2 * CHUNK },
      { offset: 7, length: 0 },
      { offset: size - 1, length: 1 },
      { offset: size, length: 10 },
      { offset: size + 1_000, length: 10 },
      { offset: 0, length: Number.MAX_SAFE_INTEGER },
    ];
    for (const { offset, length } of ranges) {
      const given = await decryptedRange(edge, { edek, bytes }, { offset, length, objectSize: size });
      assert.deepEqual(given, plaintext.subarray(offset, offset + length), `${offset}, ${length}`);
    }
  });

  it('give no range of an object whose size is not as claimed, where the range reaches the end', async (t) => {
    const edge = await Edge.start(t);
    const { edek, bytes } = await encrypted(edge, randomBytes(2 * CHUNK), { open: { detached: true } });
    for (const objectSize of [2 * CHUNK - 1, 2 * CHUNK + 1, CHUNK]) {
      const answer = decryptedRange(edge, { edek, bytes }, { offset: 0, length: objectSize, objectSize });
      assert.equal((await refusalOf(answer)).reason, 'CIPHERTEXT_REJECTED', String(objectSize));
    }
  });

  it('are rewrapped by their header, the body untouched', async (t) => {
    const edge = await Edge.start(t);
    const plaintext = randomBytes(50_000);
    const { edek, bytes } = await encrypted(edge, plaintext, { open: { detached: true } });
    edge.world.kms.rotate('acme-main');
    const { rewrap } = await import('../../../src/service/rewrap.ts');
    const { FakeCallScope } = await import('../../fakes/call-scope.ts');
    const { id: tenantId } = edge.world.tenant();
    const request = { tenantId, edek, context: new Map(), dataLabel: '', targetKeyId: undefined };
    const moved = await rewrap(edge.world, request, new FakeCallScope());
    assert.ok(moved.changed);
    assert.deepEqual(await decrypted(edge, bytes, { open: { edek: moved.edek } }), plaintext);
  });
});

describe('a stream', () => {
  it('takes a header that comes byte by byte, and none that never ends', async (t) => {
    const edge = await Edge.start(t);
    const { bytes } = await encrypted(edge, Buffer.from('a plaintext'));
    assert.equal(String(await decrypted(edge, bytes, { pieceBytes: 1 })), 'a plaintext');
    const endless = Buffer.concat([Buffer.from('KO'), Buffer.alloc(100_000, 0xff)]);
    assert.equal((await refusalOf(decrypted(edge, endless, { pieceBytes: 9_999 }))).reason, 'EDEK_MALFORMED');
    assert.equal((await refusalOf(decrypted(edge, bytes.subarray(0, 20)))).reason, 'EDEK_MALFORMED');
  });

  it('that does not begin with its opening, is opened twice or carries nothing is refused', async (t) => {
    const edge = await Edge.start(t);
    const empty = { open: undefined, chunk: undefined };
    const wrongs = [
      { messages: [chunk(Buffer.from('x'))], says: /must be `open`/ },
      { messages: [], says: /must be `open`/ },
      { messages: [encryptOpening({}), encryptOpening({})], says: /opened once/ },
      { messages: [encryptOpening({}), empty], says: /carries nothing/ },
    ];
    for (const { messages, says } of wrongs) {
      const call = encryptCall(edge);
      const answer = answered(call as never);
      for (const message of messages) call.write(message);
      call.end();
      const { reason, message } = await refusalOf(answer);
      assert.equal(reason, 'REQUEST_INVALID');
      assert.match(message, says);
    }
  });

  it('of a range without its header is refused, as is a document’s edek', async (t) => {
    const edge = await Edge.start(t);
    const whole = { offset: 0, length: 1, objectSize: 1 };
    assert.match((await refusalOf(decrypted(edge, Buffer.alloc(9), { open: { range: whole } }))).message, /edek is missing/);
    const { edek } = await encrypted(edge, Buffer.alloc(1));
    const document = Buffer.concat([Buffer.from('KD'), Buffer.from(edek).subarray(2)]);
    const { reason, message } = await refusalOf(decrypted(edge, Buffer.alloc(9), { open: { edek: document } }));
    assert.equal(reason, 'EDEK_MALFORMED');
    assert.match(message, /a document's/);
  });

  it('is for callers who may: the same token, tenant and operation as for a call', async (t) => {
    const callers = new Callers(false);
    const caller = { id: 'web', tenants: new Set(['acme']), operations: new Set(['encrypt']) };
    callers.setTokens([{ digest: digestOfToken('secret'), caller }]);
    const edge = await Edge.start(t, { callers });
    const refused = async (call: ReturnType<typeof encryptCall>, message: ReturnType<typeof encryptOpening>) => {
      const answer = answered(call as never);
      call.write(message);
      call.end();
      return (await refusalOf(answer)).reason;
    };
    assert.equal(await refused(encryptCall(edge), encryptOpening({})), 'CALLER_UNAUTHENTICATED');
    assert.equal(
      await refused(encryptCall(edge, { token: 'secret' }), encryptOpening({ tenantId: 'globex' })),
      'CALLER_NOT_ALLOWED',
    );
    const decrypting = decryptCall(edge, { token: 'secret' });
    const answer = answered(decrypting as never);
    decrypting.write(decryptOpening({ edek: Buffer.from('KO') }));
    decrypting.end();
    assert.equal((await refusalOf(answer)).reason, 'CALLER_NOT_ALLOWED');
  });

  it('ends when its caller loses its token while it goes on', async (t) => {
    const callers = new Callers(false);
    const caller = { id: 'web', tenants: new Set(['acme']), operations: new Set(['encrypt']) };
    callers.setTokens([{ digest: digestOfToken('secret'), caller }]);
    const edge = await Edge.start(t, { callers });
    const call = encryptCall(edge, { token: 'secret' });
    const outcome = refusalOf(answered(call as never));
    call.write(encryptOpening({}));
    await once(call, 'data');
    callers.setTokens([]);
    call.write(chunk(Buffer.alloc(10)));
    assert.equal((await outcome).reason, 'CALLER_UNAUTHENTICATED');
  });

  it('holds one message that it has not come to, not sixteen', async (t) => {
    const edge = await Edge.start(t);
    const call = encryptCall(edge);
    call.on('error', () => undefined);
    let held = 0;
    const watched = edge.world.ring.writer.take.bind(edge.world.ring.writer);
    const { promise: asked, resolve: go } = Promise.withResolvers<void>();
    edge.world.ring.writer.take = async (...parts) => {
      await asked;
      return watched(...parts);
    };
    const piece = randomBytes(256 * 1024);
    call.write(encryptOpening({}));
    for (let sent = 0; sent < 12; sent++) {
      call.write(chunk(piece), () => {
        held += 1;
      });
    }
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(held < 12, `${held} messages were taken while the daemon had not begun`);
    go();
    call.cancel();
    await until('the place is free', () => edge.admission.calls === 0);
  });

  it('of a caller who is silent ends, as does one whose deadline passes', async (t) => {
    const edge = await Edge.start(t, { server: { defaultDeadlineMs: 100 } });
    const silent = encryptCall(edge);
    const answer = answered(silent as never);
    silent.write(encryptOpening({}));
    const { reason, message } = await refusalOf(answer);
    assert.equal(reason, 'DEADLINE_EXCEEDED');
    assert.match(message, /sent nothing for 100 ms/);
    await until('the place is free', () => edge.admission.calls === 0);
  });

  it('is not kept alive by messages that bring nothing', async (t) => {
    const edge = await Edge.start(t, { server: { defaultDeadlineMs: 200 } });
    for (const [opening, open] of [
      [encryptOpening({}), encryptCall],
      [decryptOpening({}), decryptCall],
    ] as const) {
      const stream = open(edge) as unknown as ReturnType<typeof encryptCall>;
      const answer = refusalOf(answered(stream as never));
      stream.write(opening as EncryptStreamRequest);
      const ticking = setInterval(() => stream.write(chunk(Buffer.alloc(0))), 20);
      t.after(() => clearInterval(ticking));
      const { reason, message } = await answer;
      clearInterval(ticking);
      assert.equal(reason, 'DEADLINE_EXCEEDED', message);
      assert.match(message, /sent nothing for 200 ms/);
    }
    await until('the places are free', () => edge.admission.calls === 0);
  });

  it('takes empty chunks between others, and an object of empty chunks alone', async (t) => {
    const edge = await Edge.start(t);
    for (const parts of [
      ['', 'one', '', '', 'two', ''],
      ['', ''],
    ]) {
      const call = encryptCall(edge);
      const answer = answered(call as never);
      call.write(encryptOpening({}));
      for (const part of parts) call.write(chunk(Buffer.from(part)));
      call.end();
      const { bytes } = await answer;
      assert.equal(String(await decrypted(edge, bytes)), parts.join(''));
    }
  });

  it('that is too old ends, however busy it is, and says what bounds it', async (t) => {
    const edge = await Edge.start(t, { server: { maxStreamAgeMs: 150 } });
    const call = encryptCall(edge);
    const answer = answered(call as never);
    call.write(encryptOpening({}));
    const ticking = setInterval(() => call.write(chunk(Buffer.alloc(CHUNK))), 5);
    t.after(() => clearInterval(ticking));
    const { reason, message } = await refusalOf(answer);
    clearInterval(ticking);
    assert.equal(reason, 'DEADLINE_EXCEEDED');
    assert.match(message, /a stream may last for 150 ms: limits\.maxStreamAge/);
    await until('the place is free', () => edge.admission.calls === 0);
  });

  it('that is cancelled frees its place and is logged', async (t) => {
    const edge = await Edge.start(t);
    const call = encryptCall(edge);
    answered(call as never).catch(() => undefined);
    call.write(encryptOpening({}));
    await once(call, 'data');
    assert.equal(edge.admission.calls, 1);
    call.cancel();
    await until('the place is free', () => edge.admission.calls === 0);
    await until('it is logged', () => edge.lines.some(({ outcome }) => outcome === 'CANCELLED'));
  });

  it('is told how it goes in one line: method, outcome, bytes', async (t) => {
    const edge = await Edge.start(t);
    await encrypted(edge, randomBytes(1_234));
    await until('it is logged', () => edge.lines.length > 0);
    const [{ method, outcome, bytes, tenantId } = {}] = edge.lines;
    assert.deepEqual([method, outcome, bytes, tenantId], ['keyside.v1.CryptoService/EncryptStream', 'OK', 1_234, 'acme']);
  });

  it('ends when its key is revoked while it goes on, within the second and the cache that a call would have', async (t) => {
    const edge = await Edge.start(t);
    const { edek, bytes } = await encrypted(edge, randomBytes(10 * CHUNK), { open: { detached: true } });
    const call = decryptCall(edge);
    const outcome = refusalOf(answered(call as never));
    call.write(decryptOpening({ edek }));
    call.write(chunk(bytes.subarray(0, 2 * CHUNK)));
    await once(call, 'data');
    edge.world.kms.disable('acme-main');
    edge.world.ring.dropTenant(edge.world.tenant().id);
    await edge.world.timer.advance(1_000);
    call.write(chunk(bytes.subarray(2 * CHUNK, 4 * CHUNK)));
    call.end();
    assert.equal((await outcome).reason, 'KEY_REVOKED');
  });

  it('whose caller takes nothing is hung up, and its place is free again', async (t) => {
    const edge = await Edge.start(t, { server: { defaultDeadlineMs: 60 } });
    const call = encryptCall(edge);
    call.on('error', () => undefined);
    call.write(encryptOpening({}));
    await once(call, 'readable');
    // Nobody reads: the answers fill the windows, and then nothing moves.
    const piece = randomBytes(256 * 1024);
    for (let sent = 0; sent < 40; sent++) call.write(chunk(piece));
    await until('it is told', () => edge.log.includes('DEADLINE_EXCEEDED'));
    await until('the place is free', () => edge.admission.calls === 0);
    assert.match(String(edge.lines[0]?.error), /the caller took nothing for 60 ms/);
  });

  it('reads no further ahead than its caller reads: what nobody takes is not made', async (t) => {
    const edge = await Edge.start(t);
    const call = encryptCall(edge);
    call.write(encryptOpening({}));
    await once(call, 'readable');
    // Nobody reads; the writer goes on until the daemon stops taking.
    const piece = randomBytes(256 * 1024);
    let taken = 0;
    while (taken < 400 && call.write(chunk(piece))) {
      taken += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(taken < 400, `after ${taken} pieces the caller was still told to go on`);
    call.on('error', () => undefined);
    call.cancel();
    await until('the place is free', () => edge.admission.calls === 0);
  });
});
