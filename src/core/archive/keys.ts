import { isLogId } from "../../ports/log-id.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { isLabel } from "../../ports/label.ts";
import { labelOf } from "../../stream/text/dns-label.ts";
import type { PackName } from "./manifest.ts";

/** One incarnation of a session in an archive. */
export interface ArchiveName extends SessionKey {
  readonly logId: string;
}

/** The same as a key says it: by the label of the session's name. */
interface ArchiveLabel {
  readonly project: string;
  readonly label: string;
  readonly logId: string;
}

/**
 * Where everything lies in an archive's bucket, `<session>` being the label of the session's name:
 *
 * - `manifests/<project>!<session>!<logId>.json`, all manifests side by side, so that one listing
 *   names a thousand sessions. `!` sorts before all that is in names: the order of the keys is
 *   that of projects and sessions.
 * - `sessions/<project>/<session>/<logId>/<log>/<start>-<end>.gz`, the segments of its logs, and
 *   `messages/` beside the logs' folders, if messages in an older format came with them;
 * - `sessions/<project>/<session>/<logId>/draft.json`, how far an archiving has come.
 */
export interface ArchiveKeys {
  readonly manifests: string;
  manifestsOf(project: string, session?: string): string;
  manifest(name: ArchiveName): string;
  parseManifest(key: string): ArchiveLabel | null;
  /** The prefix of everything of a session but its manifests, of one incarnation or of all. */
  folder(key: SessionKey, logId?: string): string;
  segment(name: ArchiveName, pack: PackName, start: number, end: number): string;
  draft(name: ArchiveName): string;
}

const OFFSET_DIGITS = 16;
const SUFFIX = ".json";

/** `prefix` is "" or ends with a slash. */
export function createArchiveKeys(prefix: string): ArchiveKeys {
  const manifests = `${prefix}manifests/`;
  const folder = ({ project, session }: SessionKey, logId?: string): string =>
    `${prefix}sessions/${project}/${labelOf(session)}/${logId === undefined ? "" : `${logId}/`}`;
  const padded = (offset: number): string => String(offset).padStart(OFFSET_DIGITS, "0");
  return {
    manifests,
    folder,
    manifestsOf: (project, session) =>
      `${manifests}${project}!${session === undefined ? "" : `${labelOf(session)}!`}`,
    manifest: ({ project, session, logId }) =>
      `${manifests}${project}!${labelOf(session)}!${logId}${SUFFIX}`,
    parseManifest(key) {
      if (!key.startsWith(manifests) || !key.endsWith(SUFFIX)) return null;
      const parts = key.slice(manifests.length, -SUFFIX.length).split("!");
      const [project = "", label = "", logId = ""] = parts;
      // objects of others are ignored
      const isOurs = parts.length === 3 && isLabel(project) && isLabel(label) && isLogId(logId);
      return isOurs ? { project, label, logId } : null;
    },
    segment: (name, pack, start, end) =>
      `${folder(name, name.logId)}${pack}/${padded(start)}-${padded(end)}.gz`,
    draft: (name) => `${folder(name, name.logId)}draft.json`,
  };
}
