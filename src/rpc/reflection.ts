import { readFileSync } from 'node:fs';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type {
  MethodDefinition,
  Server,
  ServerDuplexStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { toKeysideError, toServerError } from './status.ts';

/** Field 1, length-delimited: `FileDescriptorSet.file`. */
const FILE_TAG = 10;

/** The versions of the protocol, and the name of its one method. */
const SERVICES = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'] as const;
const METHOD = 'ServerReflectionInfo';

type Bytes = ServerDuplexStream<Buffer, Buffer>;

/** What the implementation uses of a call; messages stand for bytes. */
interface MessageStream {
  on(event: string, listener: (message: unknown) => void): void;
  write(message: unknown): void;
  end(): void;
}

interface Method {
  readonly definition: MethodDefinition<unknown, unknown>;
  readonly handle: (stream: MessageStream) => void;
}

/**
 * Serves reflection from the descriptors as the compiler wrote them. What answers is loaded with the first call: few daemons are ever
 * asked, and it is a fifth of what a daemon would have to load.
 */
export function addReflection(server: Server): void {
  let loading: Promise<ReadonlyMap<string, Method>> | undefined;
  for (const service of SERVICES) {
    const path = `/${service}/${METHOD}`;
    const serve = async (call: Bytes): Promise<void> => {
      loading ??= loadMethods();
      const { definition, handle } = (await loading).get(path) as Method;
      handle(messagesOf(call, definition));
    };
    const handler = (call: Bytes): void => void serve(call).catch((error) => refuse(call, error));
    server.addService({ [METHOD]: bytesMethod(path) }, { [METHOD]: handler });
  }
}

/** Both versions by path. */
async function loadMethods(): Promise<ReadonlyMap<string, Method>> {
  const { ReflectionService } = await import('@grpc/reflection');
  const bytes = readFileSync(new URL('./descriptors.binpb', import.meta.url));
  // Descriptors that @grpc/proto-loader re-encoded lose what `map<>` fields need, and clients then do not find the service.
  const fileDescriptorProtos = splitFiles(bytes).map((file) => Buffer.from(file));
  // The one property of a package definition that the service reads.
  const definition = { all: { fileDescriptorProtos } } as unknown as ConstructorParameters<typeof ReflectionService>[0];
  const methods = new Map<string, Method>();
  const collector = {
    addService(service: ServiceDefinition, handlers: UntypedServiceImplementation) {
      for (const [key, each] of Object.entries(service)) {
        methods.set(each.path, { definition: each, handle: handlers[key] as unknown as Method['handle'] });
      }
    },
  };
  new ReflectionService(definition).addToServer(collector as unknown as Server);
  return methods;
}

function bytesMethod(path: string): MethodDefinition<Buffer, Buffer> {
  const asItIs = (bytes: Buffer): Buffer => bytes;
  return {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  };
}

function messagesOf(call: Bytes, { requestDeserialize, responseSerialize }: Method['definition']): MessageStream {
  return {
    on(event, listener) {
      if (event !== 'data') call.on(event, listener);
      else call.on('data', (bytes: Buffer) => orRefuse(call, () => listener(requestDeserialize(bytes))));
    },
    write: (message) => void call.write(responseSerialize(message)),
    end: () => void call.end(),
  };
}

/** Nothing that a client sends may throw in a listener: that ends the daemon. */
function orRefuse(call: Bytes, answer: () => void): void {
  try {
    answer();
  } catch (error) {
    refuse(call, error);
  }
}

/** The way grpc-js takes a stream's status. */
function refuse(call: Bytes, error: unknown): void {
  call.emit('error', toServerError(toKeysideError(error)));
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
