/** An object as a listing names it. */
export interface ListedObject {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/** The facts of an object, without its bytes. */
export interface ObjectFacts {
  /** Bytes of the whole object. */
  readonly size: number;
  /** What was given as `tag` when it was put, or "". */
  readonly tag: string;
  /** What was given as `notes` when it was put; not there for none. */
  readonly notes?: string;
}

/** An object that is being read. */
export interface ObjectBody extends ObjectFacts {
  /** The bytes that were asked for. The stream errors if they do not arrive completely. */
  readonly bytes: ReadableStream<Uint8Array>;
}

export interface CallOptions {
  /** Aborts the call; it rejects soon after. What was asked for may happen nevertheless. */
  readonly signal?: AbortSignal;
}

export interface GetOptions extends CallOptions {
  /** First byte, default 0. Before the object's end. */
  readonly start?: number;
  /** One past the last byte; default, and at most, the object's end. */
  readonly end?: number;
}

export interface PutOptions extends CallOptions {
  /** A label stored with the object: at most 128 characters of `[a-z0-9.-]`. Default "". */
  readonly tag?: string;
  /**
   * Text stored with the object, atomically with its bytes: at most 1,536 characters of `[A-Za-z0-9,._-]`.
   * Default: none.
   */
  readonly notes?: string;
}

export interface ListObjectsOptions extends CallOptions {
  readonly prefix: string;
  /** Only keys after this one. */
  readonly startAfter?: string;
  /** Objects a page, 1-1000, default 1000. */
  readonly limit?: number;
}

export interface ObjectPage {
  /** In the order of their keys' bytes. May be fewer than `limit` although there are more. */
  readonly objects: readonly ListedObject[];
  /** Whether there are more after the last one. */
  readonly more: boolean;
}

/**
 * An object that is put in parts, which follow each other. It does not exist until `complete`
 * resolves.
 */
export interface MultipartUpload {
  /** Adds bytes; all parts but the last have the same size of at least 5 MiB. */
  part(bytes: Uint8Array): Promise<void>;
  /** Makes the object of the parts. */
  complete(): Promise<void>;
  /** Discards the parts. */
  abort(): Promise<void>;
}

/** Most characters of an object's notes. S3 has 2 KB for all metadata of an object. */
export const MAX_OBJECT_NOTES: number = 1536;

/** Keys that one call deletes. */
export const MAX_DELETED_KEYS = 1000;

/**
 * Object storage whose objects are rarely replaced: S3, R2, and compatible ones. Keys are ASCII, at
 * most 1,024 bytes.
 *
 * **Consistency.** Strong: once a put or delete has been answered, every later get, head and list
 * of any caller sees it. A put is atomic: nobody sees a part of an object. Of puts of one key at
 * once one stays, whole; of `putIfAbsent` at once exactly one resolves with true.
 *
 * **Failures** are `RunlogError`s. `store-busy`: answered, and nothing was done (throttled, a
 * race); try again. `store-unanswered`: no answer came, or one that cannot be understood; what was
 * asked for may have happened, and may happen yet. `store-failed`: refused, and trying again does
 * not help (a wrong key, no such bucket); its message names the reason, for the person who starts
 * the server. An implementation tries each call once, and has no time-outs but for connecting.
 */
export interface ObjectBucket {
  /**
   * The name of the place where the objects are, as it follows "No answer from" in a message. For
   * the person who runs the server, never for clients. Default: "the object store".
   */
  readonly place?: string;

  /** The object, or null if there is none. An empty object is found by `head` and `list` alone. */
  get(key: string, options?: GetOptions): Promise<ObjectBody | null>;

  /** The object's facts, or null if there is none. */
  head(key: string, options?: CallOptions): Promise<ObjectFacts | null>;

  /** Puts an object, whatever was there. `bytes` must not change until the promise settles. */
  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<void>;

  /** Puts an object if there is none under the key. Resolves with whether it did. */
  putIfAbsent(key: string, bytes: Uint8Array, options?: PutOptions): Promise<boolean>;

  /** A page of the objects whose keys begin with `prefix`. */
  list(options: ListObjectsOptions): Promise<ObjectPage>;

  /** Deletes objects, at most 1,000; missing ones are ignored. */
  delete(keys: readonly string[], options?: CallOptions): Promise<void>;

  /** Begins an object that is put in parts, for one that is too large for one body. */
  multipart(key: string, options?: PutOptions): Promise<MultipartUpload>;

  /**
   * Discards the parts of uploads that were begun by a process that died and never completed, of
   * objects whose keys begin with `prefix`. Only to be called when nobody puts such an object. A
   * store that discards them by itself, and cannot list them, does nothing here.
   */
  abortUploads(prefix: string, options?: CallOptions): Promise<void>;
}
