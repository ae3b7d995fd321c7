import { atOnce, type Steps } from "../../stream/sync/steps.ts";
import { textParts } from "../../stream/json/text-parts.ts";
import { isExactNumber } from "./exact-json.ts";

/** An object or a list of parsed JSON. */
export type Container = Record<string, unknown> | unknown[];

/** How large a value is. */
export interface JsonSize {
  /** Bytes of its JSON text; one too many for each container that is not empty. */
  readonly bytes: number;
  /** Containers within each other: 0 for text, 1 for a list of numbers. */
  readonly depth: number;
  /** The work of visiting all of it; see `workOf`. */
  readonly work: number;
}

/** How large a value may be. */
export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  /** Most work of measuring; default any. */
  readonly maxWork?: number;
}

/** The work of visiting one value, as the number of bytes of text that take as long. */
const BYTES_PER_VALUE = 64;

/** The work of visiting so many values. */
export function workOf(values: number): number {
  return BYTES_PER_VALUE * values;
}

/** Whether a value has members. */
export function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null && !isExactNumber(value);
}

/*
 * Nothing here recurses: a value may be as deep as it likes. A member of an object that is undefined is
 * none; a patch under way leaves such members (`PatchedDocument`).
 */

/** The size of a value; null, as soon as that is known, if it is over the limits. */
export function measureJson(value: unknown, limits: JsonLimits): JsonSize | null {
  return atOnce(measureInSteps(value, limits));
}

/** So many values, or characters of a text, are looked at in one step. */
const STEP_VALUES = 4_096;
const STEP_CHARS = 64 * 1024;

/** The same for a value that may be large. */
export function* measureInSteps(
  value: unknown,
  { maxBytes, maxDepth, maxWork = Infinity }: JsonLimits,
): Steps<JsonSize | null> {
  const containers: Container[] = [];
  const depths: number[] = [];
  let bytes = 0;
  let values = 0;
  let deepest = 0;
  const count = (child: unknown, depth: number): void => {
    values++;
    if (!isContainer(child)) bytes += scalarBytes(child);
    else {
      bytes += 2;
      deepest = Math.max(deepest, depth);
      containers.push(child);
      depths.push(depth);
    }
  };
  const countLong = function* (text: string): Steps {
    values++;
    bytes += 2;
    for (const part of textParts(text, STEP_CHARS)) {
      bytes += textBytes(part) - 2;
      yield;
    }
  };
  const isOver = (): boolean =>
    bytes > maxBytes || deepest > maxDepth || bytes + workOf(values) > maxWork;
  if (isLongText(value)) yield* countLong(value);
  else count(value, 1);
  for (let container = containers.pop(); container; container = containers.pop()) {
    const depth = depths.pop()! + 1;
    if (Array.isArray(container))
      for (const child of container) {
        bytes += 1;
        if (isLongText(child)) yield* countLong(child);
        else count(child, depth);
        if (isOver()) return null;
        if (values % STEP_VALUES === 0) yield;
      }
    else
      for (const key in container) {
        const child = container[key];
        if (child === undefined) continue;
        bytes += keyBytes(key);
        if (isLongText(child)) yield* countLong(child);
        else count(child, depth);
        if (isOver()) return null;
        if (values % STEP_VALUES === 0) yield;
      }
  }
  return isOver() ? null : { bytes, depth: deepest, work: bytes + workOf(values) };
}

/** Bytes that a member takes up beside its value: its name, a colon and a comma. */
export function keyBytes(key: string): number {
  return textBytes(key) + 2;
}

/** A value that shares nothing with `value` that could change. */
export function copyJson(value: unknown): unknown {
  /** Copies, whose containers are still those of their originals. */
  const lists: unknown[][] = [];
  const objects: [from: Record<string, unknown>, to: Record<string, unknown>][] = [];
  const copyOf = (child: unknown): unknown => {
    if (!isContainer(child)) return child;
    if (Array.isArray(child)) {
      const to = child.slice();
      lists.push(to);
      return to;
    }
    const to: Record<string, unknown> = {};
    objects.push([child, to]);
    return to;
  };
  const root = copyOf(value);
  while (lists.length > 0 || objects.length > 0) {
    const list = lists.pop() ?? [];
    for (const [index, child] of list.entries())
      if (isContainer(child)) list[index] = copyOf(child);
    const [object, members] = objects.pop() ?? [{}, {}];
    for (const key in object)
      if (object[key] !== undefined) setMember(members, key, copyOf(object[key]));
  }
  return root;
}

/**
 * Whether two values are the same to a client: by their members, whatever their order, and numbers by
 * value. Of `left` the members of each container are counted that it comes to, for `onMembers`; for the
 * rest it takes as long as `right` is large.
 */
export function isEqualJson(
  left: unknown,
  right: unknown,
  onMembers: (count: number) => void,
): boolean {
  const lefts: Container[] = [];
  const rights: Container[] = [];
  const mayBeEqual = (a: unknown, b: unknown): boolean => {
    if (a === b) return true;
    if (!isContainer(a) || !isContainer(b)) {
      const number = numberOf(a);
      return number !== null && number === numberOf(b);
    }
    lefts.push(a);
    rights.push(b);
    return true;
  };
  if (!mayBeEqual(left, right)) return false;
  for (let a = lefts.pop(); a; a = lefts.pop()) {
    const b = rights.pop()!;
    if (Array.isArray(a) !== Array.isArray(b)) return false;
    if (Array.isArray(a) && Array.isArray(b)) {
      if (a.length !== b.length) return false;
      for (const [index, child] of a.entries()) if (!mayBeEqual(child, b[index])) return false;
      continue;
    }
    const keys = memberKeys(a);
    onMembers(keys.length);
    if (keys.length !== memberKeys(b).length) return false;
    for (const key of keys) {
      const other = memberOf(b, key);
      if (other === undefined || !mayBeEqual(memberOf(a, key), other)) return false;
    }
  }
  return true;
}

/** The member of this name, or the element at this index; undefined if there is none. */
export function memberOf(container: Container, key: string): unknown {
  if (!Array.isArray(container)) return Object.hasOwn(container, key) ? container[key] : undefined;
  const index = Number(key);
  return String(index) === key ? container[index] : undefined;
}

/** Sets a member of any name. */
export function setMember(object: Record<string, unknown>, key: string, value: unknown): void {
  // assigned, it would be another prototype
  if (key === "__proto__")
    Object.defineProperty(object, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  else object[key] = value;
}

function memberKeys(object: Container): string[] {
  return Object.keys(object).filter((key) => memberOf(object, key) !== undefined);
}

function numberOf(value: unknown): number | null {
  if (typeof value === "number") return value;
  return isExactNumber(value) ? Number(JSON.stringify(value)) : null;
}

function scalarBytes(value: unknown): number {
  if (typeof value === "string") return textBytes(value);
  if (typeof value === "number") return String(value).length;
  if (typeof value === "boolean") return value ? 4 : 5;
  return value === null ? 4 : JSON.stringify(value).length;
}

function isLongText(value: unknown): value is string {
  return typeof value === "string" && value.length > STEP_CHARS;
}

/** Bytes of a text in JSON, with its quotes. */
function textBytes(text: string): number {
  let bytes = text.length + 2;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x20 && code < 0x80) {
      if (code === 0x22 || code === 0x5c) bytes++;
    } else if (code < 0x20) bytes += 5;
    else if (code < 0x800) bytes++;
    // a pair of surrogates is four bytes; one alone is written as an escape
    else if (code < 0xd800 || code > 0xdfff) bytes += 2;
    else if (code < 0xdc00 && isLowSurrogate(text.charCodeAt(at + 1))) {
      bytes += 2;
      at++;
    } else bytes += 5;
  }
  return bytes;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}
