import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Client } from '@grpc/grpc-js';
import { Edge } from '../../fakes/edge.ts';

const LIST_SERVICES = 7;
const FILE_CONTAINING_SYMBOL = 4;

/** The fields of a message, by number, each with its occurrences' bytes. */
function fieldsOf(bytes: Uint8Array): Map<number, Uint8Array[]> {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, Uint8Array[]>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type === 2) fields.set(number, [...(fields.get(number) ?? []), reader.bytes()]);
    else reader.skip(type, number);
  }
  return fields;
}

interface Question {
  readonly field: number;
  readonly text: string;
  /** Sent in place of the question. */
  readonly raw?: Buffer;
}

/** Asks the reflection service one thing and returns the fields of its answer. */
function ask(client: Client, version: string, { field, text, raw }: Question): Promise<Map<number, Uint8Array[]>> {
  const asked = new BinaryWriter()
    .uint32((field << 3) | 2)
    .string(text)
    .finish();
  return new Promise((resolve, reject) => {
    const stream = client.makeBidiStreamRequest(
      `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => bytes,
    );
    stream.on('data', (bytes: Buffer) => {
      resolve(fieldsOf(bytes));
      stream.end();
    });
    stream.on('error', reject);
    stream.write(raw ?? asked);
  });
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? assert.fail('it is there')).toString();

describe('reflection', () => {
  for (const version of ['v1', 'v1alpha']) {
    it(`lists the services of the API, in ${version}`, async (t) => {
      const edge = await Edge.start(t);
      const answer = await ask(edge.client, version, { field: LIST_SERVICES, text: '' });
      const [list] = answer.get(6) ?? assert.fail('there is a list');
      const names = (fieldsOf(list as Uint8Array).get(1) ?? []).map((entry) => text(fieldsOf(entry).get(1)?.[0]));
      for (const name of ['keyside.v1.CryptoService', 'keyside.v1.KeyService']) assert.ok(names.includes(name), `${names}`);
    });
  }

  it('gives the descriptors of a service and of all that its files import', async (t) => {
    const edge = await Edge.start(t);
    const answer = await ask(edge.client, 'v1', { field: FILE_CONTAINING_SYMBOL, text: 'keyside.v1.CryptoService' });
    const [response] = answer.get(4) ?? assert.fail('there are descriptors');
    const files = (fieldsOf(response as Uint8Array).get(1) ?? []).map(fieldsOf);
    const names = new Set(files.map((file) => text(file.get(1)?.[0])));
    assert.ok(names.has('keyside/v1/crypto.proto'));
    for (const file of files) {
      for (const imported of file.get(3) ?? []) assert.ok(names.has(text(imported)), `${text(imported)} is missing`);
    }
  });

  it('refuses what is no message, and serves on', async (t) => {
    const edge = await Edge.start(t);
    // Field 1 of a wire type that there is not.
    await assert.rejects(ask(edge.client, 'v1', { field: LIST_SERVICES, text: '', raw: Buffer.from([15]) }), /INTERNAL/);
    const answer = await ask(edge.client, 'v1', { field: LIST_SERVICES, text: '' });
    assert.ok(answer.has(6));
  });

  it('is not there where it is configured off', async (t) => {
    const edge = await Edge.start(t, { server: { hasReflection: false } });
    await assert.rejects(ask(edge.client, 'v1', { field: LIST_SERVICES, text: '' }), /UNIMPLEMENTED/);
  });
});
