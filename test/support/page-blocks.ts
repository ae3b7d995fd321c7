import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);

/** The code of a page in this language, block by block. */
export async function blocksOf(page: string, language: string): Promise<string[]> {
  const text = await readFile(fileURLToPath(new URL(page, ROOT)), "utf8");
  return [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].flatMap(([, name, code = ""]) =>
    name === language ? [code] : [],
  );
}

/** The shell code of a page that has this name after its language. Throws where there is none. */
export async function namedBlock(page: string, name: string): Promise<string> {
  const text = await readFile(fileURLToPath(new URL(page, ROOT)), "utf8");
  const [, code] = new RegExp(`^\`\`\`sh ${name}\\n([^]*?)^\`\`\`$`, "m").exec(text) ?? [];
  if (code === undefined) throw new Error(`${page} has no block ${name}`);
  return code;
}

/** As `replaceAll`, but it throws where there is nothing to replace. */
export function replaced(text: string, part: string | RegExp, by: string): string {
  const result = text.replaceAll(part, by);
  if (result === text) throw new Error(`there is no ${part} in:\n${text}`);
  return result;
}
