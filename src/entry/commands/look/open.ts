import { spawn } from "node:child_process";
import { once } from "node:events";
import { EXIT, UsageError } from "../../exit.ts";
import { say } from "../../process.ts";
import { parseArgs } from "../arguments.ts";
import type { Command } from "../command.ts";
import { readKey } from "../selection.ts";
import { write } from "./output.ts";
import { serverOf } from "./server.ts";

/** `runlog open`. */
export const openCommand: Command = {
  name: "open",
  summary: "open a server's page in the browser",
  help: `Usage: runlog open [<project>/<session>] [options]

Opens the page of a server, or of a session there, in the browser: that of BROWSER, else the
system's. Where there is none it prints the address.

  --server <url>  the server (default RUNLOG_SERVER, else http://127.0.0.1:8080)
  --print         only print the address

Examples:
  runlog open
  BROWSER=firefox runlog open demo/hello
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { server: { type: "string" }, print: { type: "boolean", default: false } },
      allowPositionals: true,
    });
    const [name, ...more] = positionals;
    if (more.length > 0) throw new UsageError("Name one session: runlog open <project>/<session>");
    const { url } = serverOf(values.server, process.env);
    const key = name === undefined ? null : readKey(name);
    const page = `${url}/${key ? `#/${key.project}/${encodeURIComponent(key.session)}` : ""}`;
    await write(`${page}\n`);
    if (!values.print && !(await opens(page)))
      say("There is no browser to be opened here: open the address above, or name one by BROWSER");
    return EXIT.done;
  },
};

/** Whether a program has taken the address. */
async function opens(page: string): Promise<boolean> {
  for (const [file, ...args] of openersOf(page, process.platform, process.env)) {
    const child = spawn(file, args, { stdio: "ignore", detached: true });
    child.unref();
    const isRunning = await Promise.race([
      once(child, "spawn").then(() => true),
      once(child, "error").then(() => false),
    ]).catch(() => false);
    if (isRunning) return true;
  }
  return false;
}

type Opener = readonly [file: string, ...args: string[]];

/** Programs that open an address, those of `BROWSER` first: a list of commands, in which `%s` is the address. */
export function openersOf(
  page: string,
  platform: NodeJS.Platform,
  { BROWSER = "" }: NodeJS.ProcessEnv,
): readonly Opener[] {
  const given = BROWSER.split(platform === "win32" ? ";" : ":").flatMap((command): Opener[] => {
    const [file, ...args] = command.trim().split(/\s+/);
    if (!file) return [];
    const filled = args.map((arg) => arg.replaceAll("%s", page));
    return [[file, ...(command.includes("%s") ? filled : [...args, page])]];
  });
  if (platform === "darwin") return [...given, ["open", page]];
  // a shell of Windows takes & for the end of a command, an argument of this program not
  if (platform === "win32") return [...given, ["rundll32", "url.dll,FileProtocolHandler", page]];
  return [...given, ["xdg-open", page]];
}
