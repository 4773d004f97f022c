import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ErrorReason } from '../../../../src/core/errors.ts';
import { parseKeyConfigurationId } from '../../../../src/core/ids.ts';
import { kmipSettingsSchema } from '../../../../src/kms/kmip/config.ts';
import { CONNECTION_ERRORS, KMIP_RESULTS } from '../../../../src/kms/kmip/error-table.ts';
import { failureOf } from '../../../../src/kms/kmip/errors.ts';
import { kmipProvider } from '../../../../src/kms/kmip/provider.ts';
import { OPERATION } from '../../../../src/kms/kmip/tags.ts';
import type { KmsKey } from '../../../../src/kms/kms.ts';
import { contextOf, guardOf, rejects, sample, scope } from '../../../contract/kms-calls.ts';
import { type AnswerItem, answering, decrypted, encrypted, facts, KEY_UID, operationsOf, response } from './kmip-samples.ts';
import { type KmipAnswer, type KmipSetting, kmipSetting } from './kmip-stub.ts';

const { getAttributes, encrypt, decrypt } = OPERATION;
const CONTEXT = contextOf();
const SOUND = encrypted({ iv: new Uint8Array(12) });
const WRAPPED = { algorithm: 1, keyVersion: '', ciphertext: new Uint8Array(60) } as const;

describe('what a KMIP server answers becomes a reason of ours:', () => {
  let setting: KmipSetting;
  let key: KmsKey;

  before(async () => {
    setting = await kmipSetting(() => 'drop');
    const settings = { ...setting.target, key: { uniqueIdentifier: KEY_UID } };
    key = kmipProvider().open(parseKeyConfigurationId('acme-main'), kmipSettingsSchema.parse(settings));
  });
  after(async () => {
    await key.close();
    await setting.close();
  });
  beforeEach(() => setting.stub.requests.splice(0));

  const guard = () => guardOf(key, { maxAttempts: 1 });
  const unwrap = () => guard().unwrap({ wrapped: WRAPPED, context: CONTEXT }, scope());
  const wrap = async () => {
    using dataKey = sample();
    return await guard().wrap({ dataKey, context: CONTEXT }, scope());
  };
  const asked = () => setting.stub.requests.map(operationsOf);

  for (const [number, { name, reason, sample: message, ofDecrypt }] of KMIP_RESULTS) {
    it(`${name} of Get Attributes is ${reason}`, async () => {
      setting.stub.answer(answering({ getAttributes: { reason: number, message } }));
      const error = await rejects(unwrap(), reason);
      assert.equal(asked().length, 1, 'nothing is asked twice');
      assert.ok(error.message.includes(name));
      assert.ok(!error.message.includes(message), 'the words of the server are for the log');
      if (reason === 'KEY_REVOKED') assert.equal(error.details.scope, 'key');
    });

    it(`${name} of Encrypt is ${reason}`, async () => {
      setting.stub.answer(answering({ getAttributes: facts(), encrypt: { reason: number, message } }));
      await rejects(wrap(), reason);
    });

    if (ofDecrypt === 'unclear') continue;
    const decryptReason = ofDecrypt === 'rejected' ? 'CIPHERTEXT_REJECTED' : reason;
    it(`${name} of Decrypt is ${decryptReason}, at once`, async () => {
      setting.stub.answer(answering({ getAttributes: facts(), decrypt: { reason: number, message } }));
      await rejects(unwrap(), decryptReason);
      assert.deepEqual(asked(), [[getAttributes, decrypt]]);
    });
  }

  describe('where it does not say whether the ciphertext is bad, a sound one is tried:', () => {
    const vague = [
      { name: 'General Failure', answer: { reason: 0x100 }, reason: 'KMS_UNAVAILABLE' },
      { name: 'Invalid Field', answer: { reason: 0x07 }, reason: 'KEY_MISCONFIGURED' },
      { name: 'a reason of the vendor’s own', answer: { reason: 0x80000001 }, reason: 'KMS_UNAVAILABLE' },
    ] as const;
    /** Answers the first and third Decrypt with `first` and `third`, and the second, of the sound wrap, with `second`. */
    const trial = (first: AnswerItem, second: 'opens' | AnswerItem, third = first): void => {
      let plaintext = new Uint8Array();
      let decrypts = 0;
      setting.stub.answer(
        answering({
          getAttributes: facts(),
          encrypt: (payload) => {
            plaintext = (payload.items.find(({ tag }) => tag === 0x4200c2) as { value: Uint8Array<ArrayBuffer> }).value.slice();
            return SOUND;
          },
          decrypt: () => {
            decrypts += 1;
            if (decrypts === 2) return second === 'opens' ? decrypted(plaintext) : second;
            return decrypts === 1 ? first : third;
          },
        }),
      );
    };

    for (const { name, answer, reason } of vague) {
      it(`after ${name}, that it opens shows that the ciphertext is bad`, async () => {
        trial(answer, 'opens');
        await rejects(unwrap(), 'CIPHERTEXT_REJECTED');
        assert.deepEqual(
          asked(),
          [decrypt, encrypt, decrypt, decrypt].map((operation) => [getAttributes, operation]),
        );
      });

      it(`after ${name}, that it does not open shows nothing, and the reason is ${reason}`, async () => {
        trial(answer, answer);
        await rejects(unwrap(), reason);
      });

      it(`after ${name}, that another data key comes out shows nothing either`, async () => {
        trial(answer, decrypted(new Uint8Array(32)));
        await rejects(unwrap(), reason);
      });
    }

    it('and where the ciphertext itself opens afterwards, the fault has passed', async () => {
      trial({ reason: 0x100 }, 'opens', decrypted(new Uint8Array(32).fill(9)));
      using dataKey = await unwrap();
      assert.equal(dataKey.expose()[0], 9);
    });

    it('and where the server says so the second time, it is bad', async () => {
      trial({ reason: 0x100 }, 'opens', { reason: 0x0a });
      await rejects(unwrap(), 'CIPHERTEXT_REJECTED');
    });

    it('and a reason that comes in its place counts', async () => {
      trial({ reason: 0x100 }, 'opens', { reason: 0x0c });
      await rejects(unwrap(), 'KEY_ACCESS_DENIED');
    });
  });

  const states: readonly {
    readonly name: string;
    readonly answer: AnswerItem;
    readonly reason: ErrorReason;
    readonly says: RegExp;
  }[] = [
    { name: 'a key that is Pre-Active', answer: facts({ State: 1 }), reason: 'KEY_REVOKED', says: /Pre-Active/ },
    { name: 'a key that is Deactivated', answer: facts({ State: 3 }), reason: 'KEY_REVOKED', says: /Deactivated/ },
    { name: 'a key that is Compromised', answer: facts({ State: 4 }), reason: 'KEY_REVOKED', says: /Compromised/ },
    { name: 'a key that is Destroyed', answer: facts({ State: 5 }), reason: 'KEY_REVOKED', says: /Destroyed/ },
    {
      name: 'a key that is Destroyed Compromised',
      answer: facts({ State: 6 }),
      reason: 'KEY_REVOKED',
      says: /Destroyed Compromised/,
    },
    {
      name: 'a state of the vendor’s own',
      answer: facts({ State: 0x80000001 }),
      reason: 'KEY_ACCESS_DENIED',
      says: /does not know/,
    },
    { name: 'no state', answer: facts({ State: undefined }), reason: 'KEY_MISCONFIGURED', says: /State/ },
    { name: 'a key of 128 bits', answer: facts({ 'Cryptographic Length': 128 }), reason: 'KEY_MISCONFIGURED', says: /128 bits/ },
    {
      name: 'a key of another algorithm',
      answer: facts({ 'Cryptographic Algorithm': 4 }),
      reason: 'KEY_MISCONFIGURED',
      says: /algorithm 4/,
    },
    { name: 'a private key', answer: facts({ 'Object Type': 4 }), reason: 'KEY_MISCONFIGURED', says: /type 4/ },
    { name: 'another object', answer: facts({}, 'other'), reason: 'KMS_UNAVAILABLE', says: /malformed/ },
  ];
  for (const { name, answer, reason, says } of states) {
    it(`${name} is ${reason}, though the server would decrypt`, async () => {
      setting.stub.answer(answering({ getAttributes: answer, decrypt: decrypted(new Uint8Array(32)), encrypt: SOUND }));
      assert.match((await rejects(unwrap(), reason)).message, says);
      await rejects(wrap(), reason);
    });
  }

  it('a refusal of a use that the usage mask does not allow is KEY_MISCONFIGURED', async () => {
    const refused = { reason: 0x0c };
    setting.stub.answer(
      answering({ getAttributes: facts({ 'Cryptographic Usage Mask': 0x04 }), decrypt: refused, encrypt: SOUND }),
    );
    assert.match((await rejects(unwrap(), 'KEY_MISCONFIGURED')).message, /lacks decrypt/);
    await wrap();
    setting.stub.answer(answering({ getAttributes: facts({ 'Cryptographic Usage Mask': undefined }), decrypt: refused }));
    await rejects(unwrap(), 'KEY_ACCESS_DENIED');
  });

  const answers: readonly { readonly name: string; readonly answer: KmipAnswer; readonly reason: ErrorReason }[] = [
    { name: 'a connection that is dropped', answer: 'drop', reason: 'KMS_UNAVAILABLE' },
    { name: 'bytes that are no KMIP', answer: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), reason: 'KMS_UNAVAILABLE' },
    { name: 'one result of two', answer: response([getAttributes], [facts()]), reason: 'KMS_UNAVAILABLE' },
    {
      name: 'a data key under another object',
      answer: response([getAttributes, decrypt], [facts(), decrypted(new Uint8Array(32), 'other')]),
      reason: 'KMS_UNAVAILABLE',
    },
    {
      name: 'a data key beside a state that is refused',
      answer: response([getAttributes, decrypt], [{ reason: 0x0c }, decrypted(new Uint8Array(32))]),
      reason: 'KEY_ACCESS_DENIED',
    },
    {
      name: 'a failure without a reason',
      answer: response([getAttributes], [{ reason: 0, status: 2 }]),
      reason: 'KMS_UNAVAILABLE',
    },
  ];
  for (const { name, answer, reason } of answers) {
    it(`${name} is ${reason}`, async () => {
      setting.stub.answer(() => (typeof answer === 'string' ? answer : answer.slice()));
      await rejects(unwrap(), reason);
    });
  }

  it('an IV that is not the one it was given makes no wrap', async () => {
    const settings = { ...setting.target, key: { uniqueIdentifier: KEY_UID }, ivSource: 'caller' };
    const own = kmipProvider().open(parseKeyConfigurationId('acme-main'), kmipSettingsSchema.parse(settings));
    setting.stub.answer(answering({ getAttributes: facts(), encrypt: encrypted({ iv: new Uint8Array(12) }) }));
    using dataKey = sample();
    await rejects(guardOf(own, { maxAttempts: 1 }).wrap({ dataKey, context: CONTEXT }, scope()), 'KMS_UNAVAILABLE');
    await own.close();
  });

  it('describe states every state of a key, and refuses a key that cannot wrap', async () => {
    const wanted = {
      1: 'disabled',
      2: 'enabled',
      3: 'disabled',
      4: 'disabled',
      5: 'destroyed',
      6: 'destroyed',
      7: 'unknown',
    } as const;
    for (const [state, word] of Object.entries(wanted)) {
      setting.stub.answer(answering({ getAttributes: facts({ State: Number(state) }) }));
      assert.equal((await guard().describe(scope())).state, word);
    }
    setting.stub.answer(answering({ getAttributes: facts({ State: 5, 'Cryptographic Algorithm': undefined }) }));
    assert.equal((await guard().describe(scope())).state, 'destroyed');
    for (const unfit of [{ 'Cryptographic Length': 192 }, { 'Cryptographic Usage Mask': 0x04 }, { 'Object Type': 1 }]) {
      setting.stub.answer(answering({ getAttributes: facts(unfit) }));
      await rejects(guard().describe(scope()), 'KEY_MISCONFIGURED');
    }
  });
});

describe('what happens on the way to a KMIP server becomes a reason of ours:', () => {
  for (const { samples, reason } of CONNECTION_ERRORS) {
    for (const code of samples) {
      it(`${code} is ${reason}`, () => {
        const failure = failureOf(Object.assign(new Error('x'), { code }));
        assert.equal(failure.reason, reason);
        assert.equal(failure.code, code);
      });
    }
  }

  for (const error of [new TypeError('x'), Object.assign(new TypeError('x'), { code: 'ERR_INVALID_ARG_TYPE' }), 'x', undefined]) {
    it(`${String(error)} is a fault of ours`, () => {
      assert.equal(failureOf(error).reason, 'INTERNAL');
    });
  }
});
