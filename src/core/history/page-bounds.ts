/** Most events of a page. */
export const MAX_PAGE_EVENTS = 10_000;
/** Most bytes of a page's events, each with its LF. */
export const MAX_PAGE_BYTES: number = 8 * 1024 * 1024;
