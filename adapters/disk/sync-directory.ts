import { closeSync, fsyncSync, openSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Syncs a directory: the names in it are then on the device. */
export async function syncDirectory(path: string): Promise<void> {
  const dir = await open(path, "r");
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
}

/** As `syncDirectory`, synchronously. */
export function syncDirectorySync(path: string): void {
  const dir = openSync(path, "r");
  try {
    fsyncSync(dir);
  } finally {
    closeSync(dir);
  }
}

/** Makes a directory and those above it; if `durable`, all their names are on the device then. */
export async function makeDirectory(
  path: string,
  { durable }: { readonly durable: boolean },
): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined || !durable) return;
  for (let made = resolve(path); ; made = dirname(made)) {
    await syncDirectory(dirname(made));
    if (made === resolve(first)) return;
  }
}
