import { KeysideError } from './errors.ts';

declare const brand: unique symbol;

/** 1 to 128 characters of `[A-Za-z0-9._:@-]` (docs/format.md, section 2). */
export type TenantId = string & { readonly [brand]: 'TenantId' };

/** The id of a key configuration: the same form, unique in the deployment, immutable, never reused. */
export type KeyConfigurationId = string & { readonly [brand]: 'KeyConfigurationId' };

/** The form of both ids; schemas use it too. */
export const ID_PATTERN = /^[A-Za-z0-9._:@-]{1,128}$/;

/** @throws {KeysideError} REQUEST_INVALID, naming `field` */
export function parseTenantId(value: string, field = 'tenant_id'): TenantId {
  return parseId(value, field) as TenantId;
}

/** @throws {KeysideError} REQUEST_INVALID, naming `field` */
export function parseKeyConfigurationId(value: string, field = 'key_id'): KeyConfigurationId {
  return parseId(value, field) as KeyConfigurationId;
}

function parseId(value: string, field: string): string {
  if (value === '') throw new KeysideError('REQUEST_INVALID', `${field} is missing`, { details: { field } });
  if (!ID_PATTERN.test(value)) {
    throw new KeysideError('REQUEST_INVALID', `${field} is not 1 to 128 characters of [A-Za-z0-9._:@-]`, { details: { field } });
  }
  return value;
}
