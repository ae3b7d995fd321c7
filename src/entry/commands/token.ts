import { existsSync } from "node:fs";
import { appendFile, readFile, rename, writeFile } from "node:fs/promises";
import { parseTokenList, type TokenRight } from "../../core/model/token-list.ts";
import { EXIT, type ExitCode, UsageError } from "../exit.ts";
import { newToken, TOKENS_MODE } from "../new-token.ts";
import { say } from "../process.ts";
import { parseArgs } from "./arguments.ts";
import type { Command } from "./command.ts";

const OPTIONS = {
  file: { type: "string" },
  right: { type: "string", default: "write" },
  projects: { type: "string", default: "*" },
} as const;

/** `runlog token`. */
export const tokenCommand: Command = {
  name: "token",
  summary: "make, list and revoke the tokens of RUNLOG_AUTH=token",
  help: `Usage: runlog token add <name> [options]      makes a token and prints it, this once
       runlog token list [options]            names, rights and projects
       runlog token revoke <name> [options]   removes all tokens of that name

The file holds a line a token: <name> <sha256> <right> <projects>, the SHA-256 in place of the token
itself. A server reads it again when it changes; open streams of a revoked token end within
RUNLOG_REAUTH.

  --file <path>      the file (default RUNLOG_TOKENS_FILE; with RUNLOG_AUTH=token tokens in the directory
                     of STORAGE_URL; else ./tokens); made if it is not there
  --right <right>    read, write (also to run and change) or admin (also to delete); default write
  --projects <list>  projects that it may use, separated by commas; default *, all
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    });
    const path = values.file ?? (await pathByDefault());
    const [verb, name, ...more] = positionals;
    const isOne = name !== undefined && more.length === 0;
    if (verb === "add" && isOne) return add(path, [name, values.right, values.projects]);
    if (verb === "revoke" && isOne) return revoke(path, name);
    if (verb === "list" && name === undefined) return list(path);
    throw new UsageError("Say one of: token add <name>, token list, token revoke <name>");
  },
};

/** Where the server of this environment has its list. */
async function pathByDefault(): Promise<string> {
  const given = process.env["RUNLOG_TOKENS_FILE"];
  if (given) return given;
  if (process.env["RUNLOG_AUTH"] !== "token") return "./tokens";
  // what there is to know of settings is loaded where it counts
  const { auth } = (await import("../../config.ts")).parseConfig(process.env);
  const isFile = auth.kind === "token" && "file" in auth.tokens;
  if (!isFile) throw new UsageError("RUNLOG_TOKENS is the list: say --file for another one");
  return auth.tokens.file;
}

async function add(
  path: string,
  [name, right, projects]: readonly [string, string, string],
): Promise<ExitCode> {
  const { token, entry, line } = await newToken(name, right, projects);
  const text = await textOf(path);
  parse(path, text);
  const separator = text === "" || text.endsWith("\n") ? "" : "\n";
  await appendFile(path, `${separator}${line}`, { mode: TOKENS_MODE });
  say(
    `${path}: ${entry.name} may ${RIGHT_TEXTS[entry.right]} in ${entry.projects?.join(", ") ?? "all projects"}; its token, which is shown this once:`,
  );
  process.stdout.write(`${token}\n`);
  return EXIT.done;
}

async function list(path: string): Promise<ExitCode> {
  const rows = [...parse(path, await textOf(path)).values()];
  if (rows.length === 0) say(`There is no token in ${path}`);
  const width = Math.max(0, ...rows.map(({ name }) => name.length));
  for (const { name, right, projects } of rows)
    process.stdout.write(
      `${name.padEnd(width)}  ${right.padEnd(5)}  ${projects?.join(",") ?? "*"}\n`,
    );
  return EXIT.done;
}

async function revoke(path: string, name: string): Promise<ExitCode> {
  const text = await textOf(path);
  parse(path, text);
  const lines = text.split("\n");
  const kept = lines.filter((line) => line.trim().split(/\s+/, 1)[0] !== name);
  if (kept.length === lines.length) throw new UsageError(`There is no token of ${name} in ${path}`);
  // a server that reads meanwhile sees the list before or after, never a part
  const next = `${path}.next`;
  await writeFile(next, kept.join("\n"), { mode: TOKENS_MODE });
  await rename(next, path);
  say(
    `${name} is revoked: a server refuses it within a second, and ends its open streams within RUNLOG_REAUTH`,
  );
  return EXIT.done;
}

const RIGHT_TEXTS: Readonly<Record<TokenRight, string>> = {
  read: "read",
  write: "read, run and change",
  admin: "read, run, change and delete",
};

function parse(path: string, text: string): ReturnType<typeof parseTokenList> {
  try {
    return parseTokenList(text);
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The text of a file that may not be there yet. */
async function textOf(path: string): Promise<string> {
  return existsSync(path) ? readFile(path, "utf8") : "";
}
