import { RunlogError } from "../../ports/errors.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { isExactNumber } from "./exact-json.ts";

/** An object of a parsed request body. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The JSON object in a request body; throws `invalid-input`. The scanner bounds its depth, so that
 * a body that was read can also be written.
 */
export function parseBody(bytes: Uint8Array): JsonObject {
  const scanner = new JsonObjectScanner([]);
  if (!scanner.push(bytes, 0, bytes.length) || !scanner.end()) throw invalidBody();
  const body: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (!isObject(body)) throw invalidBody();
  return body;
}

/** The error for a body that is not what the route wants. */
export function invalidBody(): RunlogError {
  return new RunlogError("invalid-input", "Invalid request body");
}

/** Whether a parsed value is an object, and neither a list nor a number that keeps its text. */
export function isObject(value: unknown): value is JsonObject {
  const isComposite = typeof value === "object" && value !== null && !Array.isArray(value);
  return isComposite && !isExactNumber(value);
}

/**
 * A member that a request may omit: the readers below return undefined for one that is missing or
 * null, and throw `invalid-input` for one of another type.
 */
export function textField(object: JsonObject, name: string): string | undefined {
  return optional(object[name], isText);
}

export function numberField(object: JsonObject, name: string): number | undefined {
  return optional(object[name], isNumber);
}

/** A whole number that a double holds exactly. */
export function integerField(object: JsonObject, name: string): number | undefined {
  return optional(object[name], isInteger);
}

export function booleanField(object: JsonObject, name: string): boolean | undefined {
  return optional(object[name], isBoolean);
}

export function objectField(object: JsonObject, name: string): JsonObject | undefined {
  return optional(object[name], isObject);
}

export function objectsField(object: JsonObject, name: string): readonly JsonObject[] | undefined {
  return optional(object[name], isObjects);
}

export function textsField(object: JsonObject, name: string): readonly string[] | undefined {
  return optional(object[name], isTexts);
}

/** An object whose members are all text. */
export function textMapField(
  object: JsonObject,
  name: string,
): Readonly<Record<string, string>> | undefined {
  return optional(object[name], isTextMap);
}

/** The object without the members that are undefined. */
export function withoutUndefined(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function optional<T>(value: unknown, is: (value: unknown) => value is T): T | undefined {
  if (value === undefined || value === null) return undefined;
  if (!is(value)) throw invalidBody();
  return value;
}

const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value);
const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);
const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every(isText);
const isObjects = (value: unknown): value is readonly JsonObject[] =>
  Array.isArray(value) && value.every(isObject);
const isTextMap = (value: unknown): value is Readonly<Record<string, string>> =>
  isObject(value) && Object.values(value).every(isText);
