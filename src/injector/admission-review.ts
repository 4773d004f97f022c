import type { Injection } from './inject-pod.ts';
import { isObject } from './pod-shape.ts';

const API_VERSION = 'admission.k8s.io/v1';
const KIND = 'AdmissionReview';
const MAX_UID_CHARACTERS = 256;
/** Of names and namespaces: Kubernetes takes no longer ones. */
const MAX_NAME_CHARACTERS = 253;
/** What API servers cut warnings to: each, and all of one request together. */
const MAX_WARNING_CHARACTERS = 256;
const MAX_WARNINGS_CHARACTERS = 4_096;
const UNPROCESSABLE = 422;
const INTERNAL = 500;

/** What an API server asks about one object. */
export interface ReviewRequest {
  /** To be repeated in the answer. */
  readonly uid: string;
  /** Whether it is about a pod that is to be made: nothing else is changed. */
  readonly isNewPod: boolean;
  /** Nothing is made in the end. */
  readonly isDryRun: boolean;
  /** From the request: pods of templates do not know theirs yet. Empty where neither says it. */
  readonly namespace: string;
  /** The pod's name; before it has one what it will begin with, and `…`. Empty where there is neither. */
  readonly name: string;
  readonly object: unknown;
}

/** Reads an AdmissionReview; `fault` says in words why it is none, and then there is no `uid` to answer to. */
export function readReview(text: string): ReviewRequest | { readonly fault: string } {
  const review = parseJson(text);
  if (!isObject(review)) return { fault: 'the body is no JSON object' };
  if (review.apiVersion !== API_VERSION || review.kind !== KIND) return { fault: `only ${KIND} of ${API_VERSION} is understood` };
  const { request } = review;
  if (!isObject(request)) return { fault: 'request is missing' };
  const { uid } = request;
  if (typeof uid !== 'string' || uid === '' || uid.length > MAX_UID_CHARACTERS) return { fault: 'request.uid is no id' };
  const metadata = isObject(request.object) && isObject(request.object.metadata) ? request.object.metadata : {};
  const prefix = nameOf(metadata.generateName);
  return {
    uid,
    isNewPod: isNewPod(request),
    isDryRun: request.dryRun === true,
    namespace: nameOf(request.namespace) || nameOf(metadata.namespace),
    name: nameOf(metadata.name) || nameOf(request.name) || (prefix === '' ? '' : `${prefix}…`),
    object: request.object,
  };
}

/** The AdmissionReview that answers a request, as JSON. */
export function answerReview(uid: string, injection: Injection): string {
  if (injection.kind === 'refused') return denial(uid, { code: UNPROCESSABLE, reason: 'Invalid', message: injection.message });
  const { operations } = injection;
  const warnings = cutWarnings(injection.warnings);
  return review({
    uid,
    allowed: true,
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(operations.length === 0
      ? {}
      : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') }),
  });
}

/** The answer where the injector itself failed: a pod that asked for the sidecar must not start without it unnoticed. */
export function answerFailure(uid: string): string {
  return denial(uid, { code: INTERNAL, reason: 'InternalError', message: 'the injector of keyside failed; its log says why' });
}

/**
 * Warnings as an API server passes them on whole: at most 256 characters each and 4,096 together, those beyond left out. Control
 * characters become spaces, since warnings travel in headers.
 */
export function cutWarnings(warnings: readonly string[]): string[] {
  const kept: string[] = [];
  let left = MAX_WARNINGS_CHARACTERS;
  for (const warning of warnings) {
    const cut = cutText(`keyside: ${warning}`.replace(/\p{Cc}/gu, ' '));
    const { length } = [...cut];
    if (length > left) break;
    kept.push(cut);
    left -= length;
  }
  return kept;
}

/** By characters, so that none is cut in two. */
function cutText(text: string): string {
  const characters = [...text.toWellFormed()];
  if (characters.length <= MAX_WARNING_CHARACTERS) return characters.join('');
  return `${characters.slice(0, MAX_WARNING_CHARACTERS - 1).join('')}…`;
}

function isNewPod({ operation, resource, subResource }: Readonly<Record<string, unknown>>): boolean {
  const isPod = isObject(resource) && textOf(resource.group) === '' && resource.version === 'v1' && resource.resource === 'pods';
  return isPod && operation === 'CREATE' && textOf(subResource) === '';
}

function denial(uid: string, status: { readonly code: number; readonly reason: string; readonly message: string }): string {
  return review({ uid, allowed: false, status: { status: 'Failure', ...status } });
}

function review(response: object): string {
  return JSON.stringify({ apiVersion: API_VERSION, kind: KIND, response });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Nothing of JSON is undefined: the caller says what is wrong with it.
    return undefined;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Goes into the log, from whoever reaches the port. */
function nameOf(value: unknown): string {
  const text = textOf(value);
  return text.length > MAX_NAME_CHARACTERS ? `${text.slice(0, MAX_NAME_CHARACTERS)}…` : text;
}
