import type { Schema } from "./schema.ts";

/** What a route takes and gives, as the OpenAPI document says it. Errors are problem documents on every route (PROTOCOL 1.1). */
export interface RouteDoc {
  /** Names the operation. */
  readonly id: string;
  /** What it does, in half a sentence. */
  readonly summary: string;
  /** Where PROTOCOL.md specifies it. */
  readonly section: string;
  /** Parameters of the query; all may be left out. */
  readonly query?: Readonly<Record<string, Schema>>;
  /** Headers of the request; all may be left out. */
  readonly headers?: Readonly<Record<string, Schema>>;
  readonly body?: BodyDoc;
  /** Answers below 400, by their status, or `2XX` and `3XX` for all of these. */
  readonly answers: Readonly<Record<string, AnswerDoc>>;
  /** What an answer of 400 and more may be beside a problem document. */
  readonly refusal?: Schema;
}

interface BodyDoc {
  readonly schema: Schema;
  /** Whether there may be none. Default false. */
  readonly isOptional?: boolean;
}

export interface AnswerDoc {
  readonly description: string;
  /** What the body is, by its media type; null where that is no JSON. Not there: there is no body. */
  readonly types?: Readonly<Record<string, Schema | null>>;
}

/** An answer of JSON. */
export const json = (schema: Schema, description = "OK"): AnswerDoc => ({
  description,
  types: { "application/json": schema },
});

/** A stream of events, each `data:` a JSON object. */
export const events = (description: string): AnswerDoc => ({
  description,
  types: { "text/event-stream": null },
});
