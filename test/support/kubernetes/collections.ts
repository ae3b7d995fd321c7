import { recorded, type RecordedAnswer } from "./recorded.ts";

export interface StoredObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
  };
  readonly [field: string]: unknown;
}

interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: unknown;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: { readonly accept?: string | undefined };
}

interface Change {
  readonly version: number;
  readonly event: WatchEvent;
}

/** Objects by their paths, with versions, pages, and watches: as much of an API server as is used. */
export interface Collections {
  answer(asked: Asked, body: unknown): RecordedAnswer;
  watch(path: string, query: URLSearchParams, tell: (event: WatchEvent) => void): () => void;
  put(path: string, object: object): StoredObject;
  remove(path: string): void;
  compact(): void;
}

export function createCollections(): Collections {
  const objects = new Map<string, StoredObject>();
  const changes: Change[] = [];
  const watchers = new Set<(change: Change) => void>();
  const pages = new Map<string, readonly StoredObject[]>();
  let version = 100;
  let compacted = 0;

  function note(type: WatchEvent["type"], object: StoredObject): void {
    const change = { version, event: { type, object } };
    changes.push(change);
    for (const watcher of watchers) watcher(change);
  }

  function put(path: string, given: object): StoredObject {
    const before = objects.get(path);
    const [, namespace = "", name = ""] = /namespaces\/([^/]+)\/[^/]+\/([^/]+)$/.exec(path) ?? [];
    const { metadata } = given as { metadata?: object };
    const object = {
      ...given,
      metadata: {
        uid: before?.metadata.uid ?? crypto.randomUUID(),
        creationTimestamp: "2026-01-01T00:00:00Z",
        managedFields: [{ manager: "test" }],
        ...metadata,
        name,
        namespace,
        resourceVersion: String(++version),
      },
    } as StoredObject;
    objects.set(path, object);
    note(before ? "MODIFIED" : "ADDED", object);
    return object;
  }

  function remove(path: string): void {
    const object = objects.get(path);
    if (!object) return;
    objects.delete(path);
    const metadata = { ...object.metadata, resourceVersion: String(++version) };
    note("DELETED", { ...object, metadata });
  }

  function write({ method, path }: Asked, body: unknown): RecordedAnswer {
    const given = (body ?? {}) as {
      metadata: { name: string; resourceVersion?: string };
      status?: object;
    };
    const { name } = given.metadata ?? { name: "" };
    const target = method === "POST" ? `${path}/${name}` : path.replace(/\/status$/, "");
    const names = namesOf(target);
    const before = objects.get(target);
    if (method === "POST" && before) return recorded("already-exists", names);
    if (method === "POST") return { status: 201, body: put(target, given) };
    if (!before) return recorded("not-found", names);
    if (method === "DELETE") {
      remove(target);
      return recorded("deleted", names);
    }
    if (method === "PATCH") {
      const status = { ...(before["status"] as object), ...given.status };
      return { status: 200, body: put(target, { ...before, status }) };
    }
    const isStale = given.metadata.resourceVersion !== before.metadata.resourceVersion;
    if (isStale) return recorded("conflict", names);
    return { status: 200, body: put(target, { ...given, status: before["status"] }) };
  }

  function list({ path, query, headers }: Asked): RecordedAnswer {
    const limit = Number(query.get("limit") ?? Infinity);
    const position = query.get("continue");
    if (position !== null && !pages.has(position)) return recorded("expired");
    const items = position === null ? inside(path, query) : (pages.get(position) ?? []);
    const rest = items.slice(limit);
    const next = rest.length > 0 ? crypto.randomUUID() : undefined;
    if (next) pages.set(next, rest);
    const isMetadata = headers.accept?.includes("PartialObjectMetadataList");
    const { status, body } = recorded(isMetadata ? "list-metadata" : "list");
    const shown = items.slice(0, limit).map(({ metadata, ...others }) => ({
      ...(isMetadata ? { kind: "PartialObjectMetadata" } : others),
      metadata,
    }));
    const metadata = { continue: next, resourceVersion: String(version) };
    return { status, body: { ...(body as object), metadata, items: shown } };
  }

  function inside(path: string, query: URLSearchParams): readonly StoredObject[] {
    const isInside = filterOf(path, query);
    return [...objects].filter(([at, object]) => isInside(at, object)).map(([, object]) => object);
  }

  return {
    put,
    remove,

    answer(asked, body) {
      if (asked.method !== "GET") return write(asked, body);
      const object = objects.get(asked.path);
      if (object) return { status: 200, body: object };
      const isList = /\/(?:agenticsessions|pods|events|secrets|serviceaccounts)$/.test(asked.path);
      return isList ? list(asked) : recorded("not-found", namesOf(asked.path));
    },

    watch(path, query, tell) {
      const from = Number(query.get("resourceVersion"));
      if (from < compacted) {
        const { body } = recorded("watch-expired");
        for (const event of body as readonly WatchEvent[]) tell(event);
        return () => {};
      }
      const isInside = filterOf(path, query);
      const watcher = ({ version: at, event }: Change): void => {
        const object = event.object as StoredObject;
        const { namespace, name } = object.metadata;
        const plural = path.split("/").at(-1);
        const place = `${path.split("/namespaces/")[0]}/namespaces/${namespace}/${plural}/${name}`;
        if (at > from && isInside(place, object)) tell(event);
      };
      changes.forEach(watcher);
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },

    compact() {
      compacted = ++version;
      pages.clear();
      changes.length = 0;
    },
  };
}

function filterOf(
  path: string,
  query: URLSearchParams,
): (at: string, object: StoredObject) => boolean {
  const plural = path.split("/").at(-1) ?? "";
  const isEverywhere = !path.includes("/namespaces/");
  const selectors = (query.get("fieldSelector") ?? "").split(",").filter((text) => text !== "");
  return (at, object) =>
    (isEverywhere ? at.includes(`/${plural}/`) : at.startsWith(`${path}/`)) &&
    selectors.every((selector) => {
      const [field = "", wanted] = selector.split("=");
      return (
        field.split(".").reduce((value: unknown, name) => (value as never)?.[name], object) ===
        wanted
      );
    });
}

function namesOf(path: string): { project: string; session: string } {
  const [, project = "", session = ""] = /namespaces\/([^/]+)\/[^/]+\/([^/]+)/.exec(path) ?? [];
  return { project, session };
}
