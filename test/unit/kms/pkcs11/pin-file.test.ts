import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { RefusedPins, readPin } from '../../../../src/kms/pkcs11/pin-file.ts';
import { rejects } from '../../../contract/kms-calls.ts';

describe('the file of a PIN', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyside-pin-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const texts: readonly { readonly text: string; readonly pin: string }[] = [
    { text: '1234', pin: '1234' },
    { text: '1234\n', pin: '1234' },
    { text: '1234\r\n', pin: '1234' },
    { text: ' user:pass word \n', pin: ' user:pass word ' },
    { text: '1234\n\n', pin: '1234\n' },
  ];
  for (const { text, pin } of texts) {
    it(`loses one line end at most: ${JSON.stringify(text)}`, async () => {
      const file = join(folder, 'pin');
      await writeFile(file, text);
      using read = (await readPin('acme', file)).pin;
      assert.equal(Buffer.from(read.expose()).toString(), pin);
    });
  }

  it('may be a link, as Kubernetes makes them', async () => {
    const [file, link] = [join(folder, 'data'), join(folder, 'link')];
    await writeFile(file, '1234');
    await symlink(file, link);
    (await readPin('acme', link)).pin.wipe();
  });

  it('is told apart from what it was before, whether written or touched', async () => {
    const file = join(folder, 'changing');
    await writeFile(file, '1234');
    const stamps = new Set<string>();
    const note = async (): Promise<void> => {
      const { pin, stamp } = await readPin('acme', file);
      pin.wipe();
      stamps.add(stamp);
    };
    await note();
    await note();
    await utimes(file, 1, 1);
    await note();
    await writeFile(file, '12345');
    await note();
    assert.equal(stamps.size, 3);
  });

  for (const [name, content] of [
    ['empty', ''],
    ['a line end', '\n'],
    ['too large', 'x'.repeat(2_000)],
  ] as const) {
    it(`is KEY_MISCONFIGURED where it is ${name}, and is not quoted`, async () => {
      const file = join(folder, 'unfit');
      await writeFile(file, content);
      const error = await rejects(readPin('acme', file), 'KEY_MISCONFIGURED');
      assert.ok(!error.message.includes('xxx'));
    });
  }

  it('is KEY_MISCONFIGURED where it is missing', async () => {
    await rejects(readPin('acme', join(folder, 'missing')), 'KEY_MISCONFIGURED');
  });

  it('that was refused stays refused for its token until it changes', () => {
    const refused = new RefusedPins();
    refused.refuse('a', '1');
    assert.ok(refused.isRefused('a', '1'));
    assert.ok(!refused.isRefused('a', '2'));
    assert.ok(!refused.isRefused('b', '1'));
    refused.forget('a');
    assert.ok(!refused.isRefused('a', '1'));
  });
});
