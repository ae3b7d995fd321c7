#!/usr/bin/env node
// imports nothing that an old Node does not know: there it has to print which Node is needed
import { EXIT } from "./exit.ts";
import { endProcess, guardOutput, say } from "./process.ts";

/** In `engines` of package.json as well: the first with `node:sqlite`, which locks directories. */
const NEEDED = "22.13";

guardOutput();
if (process.getBuiltinModule?.("node:sqlite") === undefined) {
  say(`Node.js ${NEEDED} or newer is needed, with node:sqlite, and this is ${process.version}`);
  await endProcess(EXIT.failed);
} else {
  // an empty event loop is no end: whatever is awaited, the process goes on until the command is over
  const hold = setInterval(() => {}, 60_000);
  const { runCommandLine } = await import("./command-line.ts");
  const code = await runCommandLine(process.argv.slice(2));
  clearInterval(hold);
  await endProcess(code);
}
