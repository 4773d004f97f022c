import * as z from 'zod';

const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/;

/** A setting that is the URL of a service whose paths are known: https, or http on loopback, without path, query or credentials. */
export const serviceOrigin = z
  .string()
  .refine((text) => safeUrl(text)?.pathname === '/', {
    error: 'must be an https URL without path, query or credentials (http for loopback only)',
  })
  .meta({ kind: 'url' });

/** The same for a service whose path is the operator's to say. Nothing in it is secret: what proves who asks is in files. */
export const serviceUrl = z
  .string()
  .refine((text) => safeUrl(text) !== undefined, {
    error: 'must be an https URL without query or credentials (http for loopback only)',
  })
  .meta({ kind: 'url' });

function safeUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname)) ? url : undefined;
}
