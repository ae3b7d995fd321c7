import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Why the operating system refuses a path to this user, and what helps; "" where that is unknown.
 */
export function ownerHint(path: string): string {
  // Windows has other rules
  const uid = process.getuid?.();
  if (uid === undefined) return "";
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      const { uid: owner, mode } = statSync(at);
      const rights = (mode & 0o777).toString(8);
      const facts = `'${at}' belongs to uid ${owner} (mode ${rights}), and this process runs as uid ${uid}`;
      return owner === uid
        ? `${facts}: chmod u+rwX '${at}'`
        : `${facts}: run it as uid ${owner}, or chown -R ${uid} '${at}'`;
    } catch {
      // it is not there, or in a directory that this user may not look into: whose is that?
      if (at === dirname(at)) return "";
    }
  }
}
