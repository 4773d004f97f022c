import { readFileSync } from 'node:fs';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';

/** Field 1, length-delimited: `FileDescriptorSet.file`. */
const FILE_TAG = 10;

/**
 * Serves reflection from the descriptors as the compiler wrote them. Re-encoded ones, as @grpc/proto-loader gives them, lose what
 * `map<>` fields need, and clients then do not find the service.
 */
export function addReflection(server: Server): void {
  const bytes = readFileSync(new URL('./descriptors.binpb', import.meta.url));
  const fileDescriptorProtos = splitFiles(bytes).map((file) => Buffer.from(file));
  // The one property of a package definition that the service reads.
  const definition = { all: { fileDescriptorProtos } } as unknown as ConstructorParameters<typeof ReflectionService>[0];
  new ReflectionService(definition).addToServer(server);
}

function splitFiles(descriptorSet: Uint8Array): Uint8Array[] {
  const reader = new BinaryReader(descriptorSet);
  const files: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag !== FILE_TAG) throw new Error(`descriptors.binpb is not a FileDescriptorSet: tag ${tag}`);
    files.push(reader.bytes());
  }
  return files;
}
