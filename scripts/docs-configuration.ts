// Makes docs/configuration.md of the table of settings.
import { writeFile } from "node:fs/promises";
import { configurationPage } from "./docs/configuration-page.ts";

await writeFile(new URL("../docs/configuration.md", import.meta.url), configurationPage());
process.stdout.write("docs/configuration.md\n");
