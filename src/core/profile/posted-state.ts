import { membersInParts } from "../../stream/json/json-walk.ts";
import type { Steps } from "../../stream/sync/steps.ts";
import { isObject, type JsonObject } from "../model/json-fields.ts";
import { FROM_RUNNER, RUN_INPUT } from "../model/server-events.ts";
import { ParsedEvent } from "./repair/parsed-event.ts";

/** What a run was posted with as to the state (`RUN_INPUT`). */
interface PostedState {
  /** A STATE_SNAPSHOT of the state; null if there was none, or it was left out. */
  readonly snapshot: ParsedEvent | null;
  readonly isEmpty: boolean;
  /** What was posted and is not in the log. */
  readonly leftOut: readonly unknown[];
}

const encoder = new TextEncoder();
const STATE_START = encoder.encode('{"type":"STATE_SNAPSHOT","snapshot":');
const CLOSE = encoder.encode("}");

/** Whether it is an event in which runlog keeps the input of a run, or looks like one. */
export function isRunInput(type: string, line: ParsedEvent): boolean {
  return type === "CUSTOM" && line.text("name") === RUN_INPUT;
}

/** Tells runlog's own events from those that a runner sends under their names (`FROM_RUNNER`). */
export class OwnNames {
  #isNextForeign = false;

  get saved(): boolean {
    return this.#isNextForeign;
  }

  restore(saved: boolean): void {
    this.#isNextForeign = saved;
  }

  /** Whether the next line of the log comes from a runner, and looks like one of runlog's own. */
  isForeign(type: string, line: ParsedEvent): boolean {
    const isForeign = this.#isNextForeign;
    this.#isNextForeign = !isForeign && isMarker(type, line);
    return isForeign;
  }
}

/** Whether the event only says whose the next one is. */
export function isMarker(type: string, line: ParsedEvent): boolean {
  return type === "CUSTOM" && line.text("name") === FROM_RUNNER;
}

/** Reads the state from a RUN_INPUT. */
export function* postedState(line: ParsedEvent): Steps<PostedState> {
  const value = line.kind("value") === "object" ? line.raw("value") : null;
  let snapshot: ParsedEvent | null = null;
  let isEmpty = false;
  let leftOut: readonly unknown[] = [];
  for (const member of value ? membersInParts(value, 0) : []) {
    yield;
    if (!value || !member) continue;
    const bytes = value.subarray(member.valueStart, member.valueEnd);
    if (member.key === "state") {
      snapshot = yield* ParsedEvent.joined([STATE_START, bytes, CLOSE]);
      isEmpty = snapshot.raw("snapshot")?.length === 2;
    } else if (member.key === "leftOut") {
      const said: unknown = JSON.parse(new TextDecoder().decode(bytes));
      if (Array.isArray(said)) leftOut = said;
    }
  }
  return { snapshot, isEmpty, leftOut };
}

/** The members of a RUN_INPUT for the input of its run's RUN_STARTED. */
export function* postedInput(line: ParsedEvent): Steps<JsonObject> {
  const value = yield* line.exactInSteps("value");
  return isObject(value) ? value : {};
}
