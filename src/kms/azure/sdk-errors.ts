import { AzureError } from './azure-kms.ts';

/** What was seen of an answer before the SDK made something of it, or of a request that got none. */
export interface Sighting {
  readonly status?: number | undefined;
  /** The system's code, e.g. `ECONNREFUSED`, or `AbortError` where the time was up. */
  readonly code?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

const MAX_WORDS = 300;

/**
 * What went wrong in a call to the vault. The SDK trips over error answers without a body (it throws a bare TypeError), so the answer
 * itself is asked first.
 */
export function vaultError(cause: unknown, answer: Sighting | undefined): AzureError {
  if (cause instanceof AzureError) return cause;
  const fields = record(cause);
  const error = record(record(fields.details).error);
  const status = answer?.status ?? number(fields.statusCode);
  return new AzureError(wordsOf(cause), {
    from: 'vault',
    status,
    code: text(record(error.innerError).code) ?? text(error.code) ?? (status === undefined ? codeOf(cause) : undefined),
    retryAfterMs: answer?.retryAfterMs,
  });
}

/**
 * Why no token was had. What the network showed is needed beside it: for a dead authority, one that is not trusted and a tenant that
 * does not exist, MSAL has one and the same error.
 */
export function tokenError(cause: unknown, seen: Sighting | undefined): AzureError {
  if (cause instanceof AzureError) return cause;
  const { name, cause: inner = cause } = record(cause);
  if (inner instanceof AzureError) return inner;
  const { errorNo, errorCode } = record(inner);
  const aadsts = number(errorNo);
  return new AzureError(wordsOf(inner), {
    from: 'authority',
    status: seen?.status,
    code: aadsts === undefined ? (seen?.code ?? text(errorCode) ?? text(name)) : `AADSTS${aadsts}`,
    retryAfterMs: seen?.retryAfterMs,
  });
}

interface Headers {
  get(name: string): string | undefined;
}

export function sightingOfAnswer({ status, headers }: { readonly status: number; readonly headers: Headers }): Sighting {
  return { status, retryAfterMs: retryAfterMs(headers.get('retry-after')) };
}

export function sightingOfFailure(error: unknown): Sighting {
  return { code: codeOf(error) };
}

/** Seconds or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const waitMs = /^[0-9]{1,6}$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return waitMs > 0 ? waitMs : undefined;
}

function codeOf(error: unknown): string | undefined {
  const { code, name } = record(error);
  return text(code) ?? text(name);
}

function wordsOf(error: unknown): string {
  return (text(record(error).message) ?? 'no words').slice(0, MAX_WORDS);
}

/** The value's fields, inherited ones too; none where it is no object. */
function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** MSAL hands the AADSTS number on as it came, as a number or as text. */
function number(value: unknown): number | undefined {
  const read = typeof value === 'string' ? Number(value) : value;
  return typeof read === 'number' && Number.isInteger(read) ? read : undefined;
}
