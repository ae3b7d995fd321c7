import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { configurationPage } from "../../../scripts/docs/configuration-page.ts";
import { ALL_SETTINGS } from "../../../src/config/settings.ts";

/** Without what a formatter does to tables. */
function plain(markdown: string): string {
  return markdown.replace(/-{3,}/g, "---").replace(/ *\| */g, "|");
}

it("docs/configuration.md is what the table of settings says", async () => {
  const page = await readFile(new URL("../../../docs/configuration.md", import.meta.url), "utf8");
  expect(plain(page)).toBe(plain(configurationPage()));
});

it("has each setting in one row, with its default", () => {
  const rows = configurationPage().split("\n");
  for (const { name, shown } of ALL_SETTINGS) {
    const [row = "", ...others] = rows.filter((line) => line.startsWith(`| \`${name}\` |`));
    expect(others, name).toEqual([]);
    expect(row).toContain(shown);
  }
});
