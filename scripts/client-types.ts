// Writes the types of what the server answers, for runlog/client, from the schemas of its OpenAPI document.
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { clientTypes } from "./openapi/client-types.ts";

await writeFile(
  fileURLToPath(new URL("../src/client/api-types.ts", import.meta.url)),
  clientTypes(),
);
