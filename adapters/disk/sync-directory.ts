import { open } from "node:fs/promises";

/** Has on the device what a directory says of the names in it. */
export async function syncDirectory(path: string): Promise<void> {
  const dir = await open(path, "r");
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
}
