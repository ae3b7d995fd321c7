import { RunlogError } from "../../src/ports/errors.ts";
import type { Account, Api } from "./api.ts";
import { isRefusal } from "./failure.ts";
import { readListBody } from "./list-body.ts";

/** Who gets to see what is listed. */
export interface ListVisitor {
  /** A pass begins, or begins again: what was seen before it counts for nothing. */
  begin(): void;
  /** One object, as JSON. */
  item(json: Uint8Array): void;
}

export interface ListRequest {
  readonly account: Account;
  readonly path: string;
  /** Beside `limit` and `continue`. */
  readonly query?: Readonly<Record<string, string>>;
  /** Only names, times and the like, without spec and status. */
  readonly metadataOnly?: boolean;
  readonly signal?: AbortSignal | undefined;
}

const PAGE = "500";
/** How often a list is begun again whose position has expired. */
const MAX_PASSES = 5;
const METADATA_ONLY =
  "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/**
 * Passes every object of a list to the visitor, page by page, and resolves with the list's version.
 * If a position expires meanwhile it begins again. Nothing counts until it has resolved: a list of
 * which a page failed is incomplete.
 */
export async function passOver(
  api: Api,
  request: ListRequest,
  visitor: ListVisitor,
): Promise<string> {
  for (let pass = 1; ; pass++) {
    visitor.begin();
    try {
      return await passOnce(api, request, visitor);
    } catch (error) {
      if (!isRefusal(error, "Expired", "Gone") || pass === MAX_PASSES) throw error;
    }
  }
}

async function passOnce(
  api: Api,
  { account, path, query, metadataOnly = false, signal }: ListRequest,
  visitor: ListVisitor,
): Promise<string> {
  let position: string | undefined;
  for (;;) {
    const page = {
      account,
      method: "GET" as const,
      path,
      query: { ...query, limit: PAGE, ...(position && { continue: position }) },
      ...(metadataOnly && { accept: METADATA_ONLY }),
      signal,
    };
    const { metadata } = await api.read(page, (body) =>
      readListBody(body, (json) => visitor.item(json)),
    );
    position = metadata?.continue;
    if (position) continue;
    const version = metadata?.resourceVersion;
    if (version === undefined)
      throw new RunlogError("platform-failed", "The API server's list has no version");
    return version;
  }
}
