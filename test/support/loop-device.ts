import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync } from "node:fs";
import { onTestFinished } from "vitest";

/** Makes a file of zeros and a file system in it by `mkfs`, whose last argument it becomes. */
export function loopDevice(image: string, bytes: number, mkfs: readonly string[]): void {
  const file = openSync(image, "w");
  ftruncateSync(file, bytes);
  closeSync(file);
  const [command = "", ...args] = mkfs;
  execFileSync(command, [...args, image], { stdio: "pipe" });
}

/** Mounts the file system in a file, until the test is over. Root may, but not in every container. */
export function mount(image: string, dir: string): void {
  execFileSync("mount", ["-o", "loop", image, dir], { stdio: "pipe" });
  onTestFinished(() => void execFileSync("umount", ["--lazy", dir]));
}
