import { logVerbosity, Server, type ServiceDefinition, setLogVerbosity, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { CryptoServiceDefinition } from '../gen/keyside/v1/crypto.ts';
import { KeyServiceDefinition } from '../gen/keyside/v1/key.ts';
import {
  batchDecryptMethod,
  batchEncryptMethod,
  batchRewrapMethod,
  decryptMethod,
  encryptMethod,
  type HandlerParts,
  rewrapMethod,
} from './crypto-handlers.ts';
import { Health } from './health.ts';
import { checkKeyMethod, dropKeysMethod, listKeysMethod } from './key-handlers.ts';
import { methodDefinition } from './messages.ts';
import { addReflection } from './reflection.ts';
import { type UnaryParts, unary } from './unary.ts';

export interface ServerParts extends UnaryParts, HandlerParts {
  readonly maxMessageBytes: number;
  readonly hasReflection: boolean;
}

/** The services of this daemon on one grpc-js server, not yet listening. */
export function buildServer(parts: ServerParts): { server: Server; health: Health } {
  // What matters of its errors reaches our own log, in JSON.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server({
    'grpc.max_receive_message_length': parts.maxMessageBytes,
    'grpc.max_send_message_length': parts.maxMessageBytes,
  });
  addUnaryService(server, CryptoServiceDefinition, {
    encrypt: unary(parts, encryptMethod(parts)),
    decrypt: unary(parts, decryptMethod(parts)),
    rewrap: unary(parts, rewrapMethod(parts)),
    batchEncrypt: unary(parts, batchEncryptMethod(parts)),
    batchDecrypt: unary(parts, batchDecryptMethod(parts)),
    batchRewrap: unary(parts, batchRewrapMethod(parts)),
  });
  addUnaryService(server, KeyServiceDefinition, {
    checkKey: unary(parts, checkKeyMethod(parts.service)),
    listKeys: unary(parts, listKeysMethod(parts.service)),
    dropKeys: unary(parts, dropKeysMethod(parts.service)),
  });
  const services = [CryptoServiceDefinition.fullName, KeyServiceDefinition.fullName];
  const health = new Health({ ...parts, services });
  health.addToServer(server);
  if (parts.hasReflection) addReflection(server);
  return { server, health };
}

/** Precondition: a handler for every method of the definition; the types say so. */
function addUnaryService<D extends { readonly fullName: string; readonly methods: object }>(
  server: Server,
  definition: D,
  handlers: Record<keyof D['methods'], unknown>,
): void {
  const methods = Object.entries(definition.methods as Record<string, Parameters<typeof methodDefinition>[1]>);
  const service = Object.fromEntries(methods.map(([key, method]) => [key, methodDefinition(definition.fullName, method)]));
  server.addService(service as ServiceDefinition, handlers as unknown as UntypedServiceImplementation);
}
