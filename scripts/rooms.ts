// Draws the rooms of src/core: its folders, their floors and the arrows between them, from the imports.
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { type Arrow, floorsOf } from "./rooms/floors.ts";

const CORE = fileURLToPath(new URL("../src/core/", import.meta.url));
const IMPORT = /\bfrom "(\.[^"]+)"/g;

/** A room is a folder of src/core; a file that lies in none, such as `service.ts`, is one by itself. */
function roomOf(file: string): string {
  const [first = file, ...inner] = file.split("/");
  return inner.length === 0 ? first.replace(/\.ts$/, "") : first;
}

const files = (await readdir(CORE, { recursive: true })).filter((file) => file.endsWith(".ts"));
const arrows = new Map<string, Arrow & { readonly by: string[] }>();
for (const file of files) {
  const text = await readFile(join(CORE, file), "utf8");
  for (const [, specifier = ""] of text.matchAll(IMPORT)) {
    const target = normalize(join(dirname(file), specifier));
    const [from, to] = [roomOf(file), roomOf(target)];
    if (target.startsWith("..") || from === to) continue;
    const arrow = arrows.get(`${from} ${to}`) ?? { from, to, by: [] };
    arrow.by.push(`${file} imports ${target}`);
    arrows.set(`${from} ${to}`, arrow);
  }
}

const rooms = [...new Set(files.map(roomOf))];
const { floors, backUp } = floorsOf(rooms, [...arrows.values()]);
for (const [floor, names] of floors.entries()) {
  process.stdout.write(`floor ${floors.length - 1 - floor}\n`);
  for (const name of names) {
    const to = [...arrows.values()].filter(({ from }) => from === name).map((arrow) => arrow.to);
    process.stdout.write(`  ${name.padEnd(18)} ${to.length === 0 ? "" : `-> ${to.join(", ")}`}\n`);
  }
}
for (const { from, to, by } of backUp)
  process.stderr.write(`${from} -> ${to} runs back up:\n  ${by.join("\n  ")}\n`);
process.stdout.write(
  `${rooms.length} rooms, ${floors.length} floors, ${arrows.size} arrows, ${backUp.length} back up\n`,
);
if (backUp.length > 0) process.exitCode = 1;
