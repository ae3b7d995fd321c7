import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createFileBucket } from "../../adapters/file-bucket/index.ts";
import { objectBucketContract } from "../contract/index.ts";
import { lineOf, utf8 } from "../contract/bytes.ts";
import { codeOf } from "../contract/outcome.ts";
import { freshDir } from "../support/server-process.ts";
import { createTempDir } from "../support/temp-dir.ts";

objectBucketContract("a directory", {
  async create() {
    const dir = await createTempDir();
    return { bucket: createFileBucket({ dir: dir.path }), dispose: () => dir.remove() };
  },
});

describe("a bucket in a directory", () => {
  it("leaves no file and no folder when its objects are gone", async () => {
    const dir = await freshDir();
    const bucket = createFileBucket({ dir });
    const keys = ["a/b/c", "a/b/d", "e"];
    for (const key of keys) await bucket.put(key, utf8(key), { tag: "t" });
    const upload = await bucket.multipart("a/large");
    await upload.part(lineOf(5 * 1024 * 1024));
    await bucket.abortUploads("a/");
    await bucket.delete(keys);
    const left = await readdir(dir, { recursive: true, withFileTypes: true });
    expect(left.filter((entry) => entry.isFile())).toEqual([]);
    expect(await readdir(dir)).toEqual([".tags", ".tmp"]);
  });

  it.each(["../outside", "a/../b", "/etc/passwd", "a//b", ".tmp/x", "", "a/\0"])(
    "takes %j for no key",
    async (key) => {
      const dir = await freshDir();
      const bucket = createFileBucket({ dir: join(dir, "bucket") });
      expect(await codeOf(bucket.put(key, utf8("x")))).toBe("store-failed");
      expect(await codeOf(bucket.multipart(key))).toBe("store-failed");
      expect(await readdir(dir)).toEqual([]);
    },
  );

  it("says what is wrong with a directory that is none", async () => {
    const dir = await freshDir();
    await writeFile(join(dir, "file"), "");
    const bucket = createFileBucket({ dir: join(dir, "file") });
    expect(await codeOf(bucket.put("key", utf8("x")))).toBe("store-failed");
    await mkdir(join(dir, "folder/key"), { recursive: true });
    const other = createFileBucket({ dir: join(dir, "folder") });
    expect(await codeOf(other.put("key", utf8("x")))).toBe("store-failed");
  });
});
