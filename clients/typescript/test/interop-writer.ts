import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { KeysideClient } from '../src/index.ts';
import { base64, fieldsOf, patterned, type Scenarios, toWritten, type Written } from './interop-scenarios.ts';

const PIECE_BYTES = 100_000;

/** Encrypts every scenario and writes `typescript.json` into the folder, with a file for each stream. */
export async function writeScenarios(
  client: KeysideClient,
  { documents, batches, streams }: Scenarios,
  folder: string,
): Promise<void> {
  const written = {
    documents: {} as Record<string, unknown>,
    batches: {} as Record<string, unknown>,
    streams: {} as Record<string, unknown>,
  };
  for (const { id, metadata, fields } of documents) {
    written.documents[id] = toWritten(await client.encrypt(fieldsOf(fields), metadata));
  }
  for (const { id, metadata, documents: items } of batches) {
    const results = await client.encryptBatch(
      items.map((item) => ({ ...item, fields: fieldsOf(item.fields) })),
      metadata,
    );
    written.batches[id] = results.map((result) => {
      if (result.error !== undefined) throw result.error;
      return { id: result.id, ...toWritten(result.document) };
    });
  }
  for (const { id, metadata, bytes, seed, detached } of streams) {
    const body = `typescript-${id}.bin`;
    await using sealed = client.encryptStream(pieces(patterned(bytes, seed)), metadata, { isDetached: detached });
    const edek = await sealed.edek;
    await pipeline(sealed.toNodeStream(), createWriteStream(join(folder, body)));
    written.streams[id] = { edek: base64(edek), body };
  }
  await writeFile(join(folder, 'typescript.json'), JSON.stringify(written satisfies Record<keyof Written, unknown>));
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}
