import { MAX_JSON_DEPTH } from "../../../stream/json/json-scan.ts";
import { laterIf, type Rest, type Steps } from "../../../stream/sync/steps.ts";
import { isJsonPatch } from "../../model/json-patch.ts";
import { AS_CLIENTS } from "../../model/patch-policy.ts";
import { PatchWork } from "../../model/patch-work.ts";
import { PatchedDocument } from "../../model/patched-document.ts";
import { LONG_BYTES } from "../repair/parsed-event.ts";
import type { MessageList } from "./message-list.ts";
import type { Entry } from "./message-order.ts";

/** A snapshot holds the content in a message of a list, and may be no deeper than an event. */
const LIMITS = { maxBytes: 8 * 1024 * 1024, maxDepth: MAX_JSON_DEPTH - 3 };
/** Work that is free: less than a second. */
const FIRST_WORK = 256 * 1024 * 1024;

const documents = new WeakMap<Entry, PatchedDocument>();
/** The work that all activities of a list may take. */
const works = new WeakMap<MessageList, PatchWork>();

interface ActivityPatch {
  readonly patch: unknown;
  readonly activityType: string;
  readonly eventBytes: number;
}

/**
 * Applies the patch of an event of so many bytes to the content of an activity, in place. The
 * messages are released if the result would be over the limits.
 */
export function patchActivity(list: MessageList, entry: Entry, by: ActivityPatch): Rest {
  const isToBeMeasured = entry.chars > LONG_BYTES && !documents.has(entry);
  return laterIf(isToBeMeasured || by.eventBytes > LONG_BYTES, patchInSteps(list, entry, by));
}

function* patchInSteps(
  list: MessageList,
  entry: Entry,
  { patch, activityType, eventBytes }: ActivityPatch,
): Steps {
  if (!isJsonPatch(patch)) return;
  const document = yield* documentOf(list, entry);
  if (!document) {
    list.lose();
    return;
  }
  const { bytes } = document;
  const outcome = yield* document.applyInSteps(patch, AS_CLIENTS, eventBytes);
  if (outcome === "overflowed") list.lose();
  if (outcome !== "applied") return;
  entry.message.content = document.value;
  entry.message.activityType = activityType;
  list.grew(entry, document.bytes - bytes);
}

/** The content, until it is another one; null if that is over the limits. */
function* documentOf(list: MessageList, entry: Entry): Steps<PatchedDocument | null> {
  // clients take a content that has become null for an empty one
  const content = entry.message.content ?? {};
  const known = documents.get(entry);
  if (known?.value === content) return known;
  const work = works.get(list) ?? new PatchWork(FIRST_WORK);
  works.set(list, work);
  const document = yield* PatchedDocument.ofInSteps(content, { ...LIMITS, work });
  if (document) documents.set(entry, document);
  return document;
}
