export type FsyncPolicy = "always" | "interval" | "never";

export type StorageConfig =
  | { readonly kind: "disk"; readonly dir: string; readonly fsync: FsyncPolicy }
  | S3Place
  | { readonly kind: "memory" };

/** A place for archives. */
export type ArchiveConfig = S3Place | { readonly kind: "file"; readonly dir: string };

/** How a bucket is reached. */
interface S3Settings {
  /** Null: Amazon's. */
  readonly endpoint: string | null;
  readonly createBucket: boolean;
}

interface S3Place extends S3Settings {
  readonly kind: "s3";
  readonly bucket: string;
  /** Begins all keys: "" or a name that ends with a slash. */
  readonly prefix: string;
}

/** Where the logs are, or null if `text` is invalid. */
export function readStorage(
  text: string,
  fsync: FsyncPolicy,
  settings: S3Settings,
): StorageConfig | null {
  if (text === "memory:") return { kind: "memory" };
  const place = readS3Url(text);
  if (place) return { kind: "s3", ...place, ...settings };
  const dir = readFileUrl(text);
  return dir === null ? null : { kind: "disk", dir, fsync };
}

/** How a place for archives is written. */
export const ARCHIVE_URL_FORM =
  "s3://<bucket>/<prefix> or file:<dir> (a bucket's name has 3 to 63 of a-z 0-9 . -)";

/** Whether `text` has that form. */
export function isArchiveUrl(text: string): boolean {
  return readArchive(text, { endpoint: null, createBucket: false }) !== null;
}

/** Where archives are, or null if `text` is invalid. */
export function readArchive(text: string, settings: S3Settings): ArchiveConfig | null {
  const place = readS3Url(text);
  if (place) return { kind: "s3", ...place, ...settings };
  const dir = readFileUrl(text);
  return dir === null ? null : { kind: "file", dir };
}

function readS3Url(text: string): Pick<S3Place, "bucket" | "prefix"> | null {
  const [, bucket, path = ""] =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9._/-]*))?$/.exec(text) ?? [];
  const names = path.split("/").filter((name) => name !== "");
  if (bucket === undefined || names.includes(".") || names.includes("..")) return null;
  return { bucket, prefix: names.map((name) => `${name}/`).join("") };
}

function readFileUrl(text: string): string | null {
  return /^file:(?:\/\/)?(.+)$/.exec(text)?.[1] ?? null;
}
