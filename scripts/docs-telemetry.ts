// Makes docs/telemetry.md of the table of instruments.
import { writeFile } from "node:fs/promises";
import { telemetryPage } from "./docs/telemetry-page.ts";

await writeFile(new URL("../docs/telemetry.md", import.meta.url), telemetryPage());
process.stdout.write("docs/telemetry.md\n");
