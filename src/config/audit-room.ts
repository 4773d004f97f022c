/** Segments of the spool that must find room: one is written, one is being delivered, and there is something to delete. */
export const LEAST_SEGMENTS = 4;
