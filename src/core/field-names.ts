/** The longest field name, in bytes of UTF-8 (docs/format.md, section 4): additional data holds it whole. */
export const MAX_FIELD_NAME_BYTES = 65_535;
