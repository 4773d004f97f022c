import { logVerbosity, Server, type ServiceDefinition, setLogVerbosity, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { AuditServiceDefinition } from '../gen/keyside/v1/audit.ts';
import { CryptoServiceDefinition } from '../gen/keyside/v1/crypto.ts';
import { KeyServiceDefinition } from '../gen/keyside/v1/key.ts';
import { logSecurityEventMethod } from './audit-handlers.ts';
import type { Callers } from './callers.ts';
import {
  batchDecryptMethod,
  batchEncryptMethod,
  batchRewrapMethod,
  decryptMethod,
  encryptMethod,
  type HandlerParts,
  rewrapMethod,
} from './crypto-handlers.ts';
import { Gate } from './gate.ts';
import { Health } from './health.ts';
import { checkKeyMethod, dropKeysMethod, listKeysMethod } from './key-handlers.ts';
import { methodDefinition } from './messages.ts';
import { addReflection } from './reflection.ts';
import { bidirectional, type StreamParts } from './stream.ts';
import { decryptStreamMethod, encryptStreamMethod } from './stream-handlers.ts';
import { unary } from './unary.ts';

export interface ServerParts extends Omit<StreamParts, 'gate'>, HandlerParts {
  readonly callers: Callers;
  readonly maxMessageBytes: number;
  readonly hasReflection: boolean;
}

/** Calls that one connection may have open; more wait at the client. */
const MAX_STREAMS_PER_CONNECTION = 1_000;

/** The services of this daemon on one grpc-js server, not yet listening. */
export function buildServer(parts: ServerParts): { server: Server; health: Health } {
  // What matters of its errors reaches our own log, in JSON.
  setLogVerbosity(logVerbosity.NONE);
  const { admission, callers, logger, defaultDeadlineMs, maxMessageBytes } = parts;
  const { metrics } = parts.telemetry;
  const gate = new Gate({ admission, callers, metrics, logger, maxMessageBytes, receiveTimeoutMs: defaultDeadlineMs });
  const server = new Server({
    interceptors: [gate.interceptor],
    'grpc.max_concurrent_streams': MAX_STREAMS_PER_CONNECTION,
    'grpc.max_receive_message_length': parts.maxMessageBytes,
    // Ciphertexts are larger than the plaintexts that were let in: an answer must not fail after all the work for it.
    'grpc.max_send_message_length': -1,
  });
  const unaryParts = { ...parts, gate };
  addService(server, CryptoServiceDefinition, {
    encrypt: unary(unaryParts, encryptMethod(parts)),
    decrypt: unary(unaryParts, decryptMethod(parts)),
    rewrap: unary(unaryParts, rewrapMethod(parts)),
    batchEncrypt: unary(unaryParts, batchEncryptMethod(parts)),
    batchDecrypt: unary(unaryParts, batchDecryptMethod(parts)),
    batchRewrap: unary(unaryParts, batchRewrapMethod(parts)),
    encryptStream: bidirectional(unaryParts, encryptStreamMethod(parts)),
    decryptStream: bidirectional(unaryParts, decryptStreamMethod(parts)),
  });
  addService(server, KeyServiceDefinition, {
    checkKey: unary(unaryParts, checkKeyMethod(parts.service, parts.audit)),
    listKeys: unary(unaryParts, listKeysMethod(parts.service)),
    dropKeys: unary(unaryParts, dropKeysMethod(parts.service, parts.audit)),
  });
  addService(server, AuditServiceDefinition, {
    logSecurityEvent: unary(unaryParts, logSecurityEventMethod(parts)),
  });
  const services = [CryptoServiceDefinition, KeyServiceDefinition, AuditServiceDefinition].map(({ fullName }) => fullName);
  const health = new Health({ ...parts, services });
  health.addToServer(server);
  if (parts.hasReflection) addReflection(server);
  return { server, health };
}

/** Precondition: a handler for every method of the definition; the types say so. */
function addService<D extends { readonly fullName: string; readonly methods: object }>(
  server: Server,
  definition: D,
  handlers: Record<keyof D['methods'], unknown>,
): void {
  const methods = Object.entries(definition.methods as Record<string, Parameters<typeof methodDefinition>[1]>);
  const service = Object.fromEntries(methods.map(([key, method]) => [key, methodDefinition(definition.fullName, method)]));
  server.addService(service as ServiceDefinition, handlers as unknown as UntypedServiceImplementation);
}
