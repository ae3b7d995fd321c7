/**
 * Largest event in bytes: a client of AG-UI 1.0 refuses a frame of 10 MiB of UTF-16 units, of which
 * there are never more than bytes. The difference is for the cursor, and for an event around it.
 */
export const MAX_EVENT_BYTES: number = 10 * 1024 * 1024 - 4096;
