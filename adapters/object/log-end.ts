import type { LogName, SessionKey } from "../../src/ports/log-store.ts";
import type { ListedObject, ObjectBucket } from "../../src/ports/object-bucket.ts";
import { behindSegmentsFrom, type Keys, parseSegment, type Segment } from "./keys.ts";
import type { ListedFolder } from "./listed-folders.ts";
import { objectPages } from "./object-pages.ts";
import type { RetryPolicy } from "./retry-policy.ts";

export interface BucketAccess {
  readonly bucket: ObjectBucket;
  readonly keys: Keys;
  readonly retry: RetryPolicy;
}

/** Where a log ends, by its objects. */
export interface LogEnd {
  readonly end: number;
  /** Whether it was closed for ever: its session was deleted. */
  readonly closed: boolean;
  /** The latest segments, the highest start first: all since the last that was merged. */
  readonly latest: readonly Segment[];
}

/**
 * Finds the end of a log, with one listing as a rule. The object of the highest start need not be
 * the one that reaches farthest: beside a merged one lie, for a while, those that it was made of, and
 * the first ones of writers that took over from a dead one for ever. The merged one of the highest
 * start settles it. An object without bytes closes the log: no append is empty.
 */
export async function findLogEnd(
  { bucket, keys, retry }: BucketAccess,
  key: SessionKey,
  logId: string,
  log: LogName,
): Promise<LogEnd> {
  const prefix = keys.logFolder(key, logId, log);
  const latest: Segment[] = [];
  for await (const page of segmentPages({ bucket, retry }, prefix, null)) {
    latest.push(...page);
    if (hasMerged(page)) break;
  }
  return logEndOf(latest);
}

/** The same by the first objects of a log's folder; null if the end cannot be told by them. */
export function logEndIn({ objects, more }: ListedFolder): LogEnd | null {
  const latest = segmentsOf(objects);
  return more && !hasMerged(latest) ? null : logEndOf(latest);
}

function hasMerged(segments: readonly Segment[]): boolean {
  return segments.some(({ merged }) => merged);
}

function logEndOf(latest: readonly Segment[]): LogEnd {
  const end = latest.reduce((highest, segment) => Math.max(highest, segment.end), 0);
  const closed = latest.some((segment) => segment.start === segment.end && segment.end === end);
  return { end, closed, latest };
}

/** The segments that begin before `before`, the highest start first; null: all. */
export async function* segmentPages(
  access: Pick<BucketAccess, "bucket" | "retry">,
  folder: string,
  before: number | null,
): AsyncGenerator<Segment[]> {
  const after = before === null ? folder : behindSegmentsFrom(folder, before);
  for await (const page of objectPages(access, folder, after)) yield segmentsOf(page);
}

function segmentsOf(objects: readonly ListedObject[]): Segment[] {
  return objects.flatMap(({ key, size }) => parseSegment(key, size) ?? []);
}
