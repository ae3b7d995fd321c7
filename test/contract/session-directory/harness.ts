import type { SessionKey } from "../../../src/ports/log-store.ts";
import type { SessionDirectory, SessionDocument } from "../../../src/ports/session-directory.ts";
import { withHarness } from "../with-harness.ts";

export interface SessionDirectoryHarness {
  readonly directory: SessionDirectory;
  dispose(): Promise<void>;
}

export interface SessionDirectoryContractOptions {
  /** Makes a directory in which exactly these sessions exist: called once for each test. */
  readonly create: (sessions: readonly SessionKey[]) => Promise<SessionDirectoryHarness>;
}

/** Wraps a test's body so that it gets a directory of its own, with these sessions. */
export type WithSessions = (
  sessions: readonly SessionKey[],
  body: (directory: SessionDirectory) => Promise<void>,
) => () => Promise<void>;

export function withSessions({ create }: SessionDirectoryContractOptions): WithSessions {
  return (sessions, body) => () =>
    withHarness(
      () => create(sessions),
      ({ directory }) => body(directory),
    );
}

/** Sessions and projects whose names are prefixes of each other. */
export const ALIKE: readonly SessionKey[] = [
  { project: "a", session: "s" },
  { project: "a", session: "s-1" },
  { project: "a-b", session: "s" },
  { project: "ab", session: "s1" },
];

/** More than two pages of any source in one project, and a few beside it. */
export const MANY: readonly SessionKey[] = [
  ...Array.from({ length: 1200 }, (_, i) => ({ project: "many", session: `s-${i}` })),
  { project: "man", session: "s-1" },
  { project: "many-b", session: "s-2" },
];

/** Every document of a project that matches, page by page. */
export async function everything(
  directory: SessionDirectory,
  project: string,
  search = "",
): Promise<readonly SessionDocument[]> {
  const documents: SessionDocument[] = [];
  for (;;) {
    const query = { limit: 100, offset: documents.length, search };
    const page = await directory.page(project, query);
    documents.push(...page.documents);
    if (page.documents.length === 0) return documents;
  }
}
