import { MAX_JSON_DEPTH } from "../../../stream/json/json-scan.ts";
import { isJsonPatch } from "../../model/json-patch.ts";
import { AS_CLIENTS } from "../../model/patch-policy.ts";
import { PatchWork } from "../../model/patch-work.ts";
import { PatchedDocument } from "../../model/patched-document.ts";
import type { MessageList } from "./message-list.ts";
import type { Entry } from "./message-order.ts";

/** A snapshot holds the content in a message of a list, and may be no deeper than an event. */
const LIMITS = { maxBytes: 8 * 1024 * 1024, maxDepth: MAX_JSON_DEPTH - 3 };
/** Work that is free: less than a second. */
const FIRST_WORK = 256 * 1024 * 1024;

const documents = new WeakMap<Entry, PatchedDocument>();
/** The work that all activities of a list may take. */
const works = new WeakMap<MessageList, PatchWork>();

/**
 * Applies the patch of an event of so many bytes to the content of an activity, in place. The
 * messages are released if the result would be over the limits.
 */
export function patchActivity(
  list: MessageList,
  entry: Entry,
  { patch, activityType, eventBytes }: { patch: unknown; activityType: string; eventBytes: number },
): void {
  if (!isJsonPatch(patch)) return;
  const document = documentOf(list, entry);
  if (!document) return list.lose();
  const { bytes } = document;
  switch (document.apply(patch, AS_CLIENTS, eventBytes)) {
    case "overflowed":
      return list.lose();
    case "applied":
      entry.message.content = document.value;
      entry.message.activityType = activityType;
      list.grew(entry, document.bytes - bytes);
      break;
    case "refused":
  }
}

/** The content as a document, until it is replaced; null if it is over the limits. */
function documentOf(list: MessageList, entry: Entry): PatchedDocument | null {
  // clients treat a content that has become null as empty
  const content = entry.message.content ?? {};
  const known = documents.get(entry);
  if (known?.value === content) return known;
  const work = works.get(list) ?? new PatchWork(FIRST_WORK);
  works.set(list, work);
  const document = PatchedDocument.of(content, { ...LIMITS, work });
  if (document) documents.set(entry, document);
  return document;
}
