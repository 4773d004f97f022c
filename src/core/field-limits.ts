/** The longest field name, in bytes of UTF-8 (docs/format.md, section 4): additional data holds it whole. */
export const MAX_FIELD_NAME_BYTES = 65_535;

/** Most fields that one call writes under a new EDEK (docs/format.md, section 4): their nonces are random, under one key. */
export const MAX_FIELDS = 65_536;
