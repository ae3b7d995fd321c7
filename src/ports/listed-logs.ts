import type { ListedLog, ListOptions, LogReader } from "./log-store.ts";

/** Every session that has a log, page after page, in the order of the list; `options` as those of a page. Throws what the store throws. */
export async function* listedLogs(
  reader: Pick<LogReader, "list">,
  options: Omit<ListOptions, "after"> = {},
): AsyncGenerator<ListedLog> {
  let after: string | null = null;
  do {
    const page = await reader.list({ ...options, ...(after !== null && { after }) });
    yield* page.items;
    after = page.next;
  } while (after !== null);
}
