import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { telemetryPage } from "../../../scripts/docs/telemetry-page.ts";

/** Without what a formatter does to tables. */
function plain(markdown: string): string {
  return markdown.replace(/-{3,}/g, "---").replace(/ *\| */g, "|");
}

it("docs/telemetry.md is what the table of instruments says", async () => {
  const page = await readFile(new URL("../../../docs/telemetry.md", import.meta.url), "utf8");
  expect(plain(page)).toBe(plain(telemetryPage()));
});
