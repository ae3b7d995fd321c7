import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createDiskLogStore } from "../../../adapters/disk/index.ts";
import { createLocalDirectory } from "../../../adapters/local/index.ts";
import { createLogId } from "../../../src/ports/log-id.ts";
import type { SessionDirectory } from "../../../src/ports/session-directory.ts";
import { createDataDir, PROJECT } from "../data-dir.ts";
import type { Cost, Spent } from "./cost.ts";
import { spentIn } from "./spent-in.ts";

const SIZES = [1_000, 10_000, 40_000];
const BORN_MS = Date.UTC(2026, 0, 1);
/** Sessions that are made at once. */
const BATCH = 200;
const PAGE = { limit: 20, offset: 0, search: "" };

/** The first page of a project's sessions after a start. */
export const firstList: Cost = {
  name: "list, the first",
  of: "sessions",
  sizes: SIZES,
  measure: (size) => withSessions(size, (directory) => spentIn(() => page(directory, PAGE))),
};

/** Every later one: its time is not one of the number of sessions. */
export const laterList: Cost = {
  name: "list, later ones",
  of: "sessions",
  sizes: SIZES,
  maxFactor: 0.2,
  measure: (size) =>
    withSessions(size, async (directory) => {
      await page(directory, PAGE);
      return spentIn(() => page(directory, { ...PAGE, offset: size - PAGE.limit }));
    }),
};

/** The first search, which reads the documents of all sessions. */
export const firstSearch: Cost = {
  name: "list, the first search",
  of: "sessions",
  sizes: SIZES,
  measure: (size) =>
    withSessions(size, (directory) =>
      spentIn(() => page(directory, { ...PAGE, search: "number 7" })),
    ),
};

/** The second search: the first has read what it looks at. */
export const searchedList: Cost = {
  name: "list, searched again",
  of: "sessions",
  sizes: SIZES,
  measure: (size) =>
    withSessions(size, async (directory) => {
      const query = { ...PAGE, search: "number 7" };
      await page(directory, query);
      return spentIn(() => page(directory, query));
    }),
};

async function page(
  directory: SessionDirectory,
  query: typeof PAGE,
): Promise<Pick<Spent, "bytes">> {
  const { documents } = await directory.page(PROJECT, query);
  if (documents.length !== PAGE.limit) throw new Error("the page is not full");
  return {};
}

/** A store that has just been opened, with so many sessions. */
async function withSessions<T>(
  count: number,
  work: (directory: SessionDirectory) => Promise<T>,
): Promise<T> {
  const data = await createDataDir();
  try {
    for (let i = 0; i < count; i += BATCH)
      await Promise.all(
        Array.from({ length: Math.min(BATCH, count - i) }, (_, j) => makeSession(data.dir, i + j)),
      );
    const store = createDiskLogStore({ dir: data.dir });
    try {
      return await work(createLocalDirectory({ store, runnerUrl: "http://runner.invalid/" }));
    } finally {
      await store.close();
    }
  } finally {
    await data.remove();
  }
}

async function makeSession(dir: string, i: number): Promise<void> {
  const name = `session-${i}`;
  const log = join(dir, "projects", PROJECT, name, createLogId(BORN_MS + i * 977));
  await mkdir(log, { recursive: true });
  const document = {
    metadata: { name, namespace: PROJECT, uid: name },
    spec: { displayName: `Number ${i}`, initialPrompt: "Look at it. ".repeat(20) },
    status: { phase: "Running" },
  };
  await writeFile(join(log, "document.json"), JSON.stringify(document));
}
