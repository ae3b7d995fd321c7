/** An object as a listing names it. */
export interface ListedObject {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/** What is known of an object without its bytes. */
export interface ObjectFacts {
  /** Bytes of the whole object. */
  readonly size: number;
  /** What was given as `tag` when it was put, or "". */
  readonly tag: string;
}

/** An object that is being read. */
export interface ObjectBody extends ObjectFacts {
  /** The bytes that were asked for. It errors if they do not come whole. */
  readonly bytes: ReadableStream<Uint8Array>;
}

export interface CallOptions {
  /** Gives the call up; it rejects soon after. What was asked for may happen nevertheless. */
  readonly signal?: AbortSignal;
}

export interface GetOptions extends CallOptions {
  /** First byte, default 0. Before the object's end. */
  readonly start?: number;
  /** One past the last byte; default, and at most, the object's end. */
  readonly end?: number;
}

export interface PutOptions extends CallOptions {
  /** A note that is kept with the object: at most 128 characters of `[a-z0-9.-]`. Default "". */
  readonly tag?: string;
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

/** Parts of one object, put one after the other. Nothing is there until `complete` resolves. */
export interface MultipartUpload {
  /** Adds bytes; all parts but the last have the same size of at least 5 MiB. */
  part(bytes: Uint8Array): Promise<void>;
  /** Makes the object of the parts. */
  complete(): Promise<void>;
  /** Throws the parts away. */
  abort(): Promise<void>;
}

/** Keys that one call deletes. */
export const MAX_DELETED_KEYS = 1000;

/**
 * Immutable-minded object storage: S3, R2, and what speaks like them. Keys are ASCII, at most 1,024
 * bytes.
 *
 * **Consistency.** Strong: once a put or delete has been answered, every later get, head and list of
 * any caller sees it. A put is atomic: nobody sees a part of an object. Of puts of one key at once
 * one stays, whole; of `putIfAbsent` at once exactly one resolves with true.
 *
 * **Failures** are `RunlogError`s. `store-busy`: answered, and nothing was done (throttled, a race);
 * try again. `store-unanswered`: no answer came, or one that says nothing; what was asked for may
 * have happened, and may happen yet. `store-failed`: refused, and trying again does not help (a wrong
 * key, no such bucket); its message says which, for the person who starts the server. An
 * implementation tries each call once, and has no time-outs but for connecting.
 */
export interface ObjectBucket {
  /**
   * Where the objects are, as what stands behind "No answer from". For the person who runs the server,
   * never for clients. Default: "the object store".
   */
  readonly place?: string;

  /** The object, or null if there is none. One without bytes is told by `head` and `list` alone. */
  get(key: string, options?: GetOptions): Promise<ObjectBody | null>;

  /** What is known of the object, or null if there is none. */
  head(key: string, options?: CallOptions): Promise<ObjectFacts | null>;

  /** Puts an object, whatever was there. `bytes` must not change until the promise settles. */
  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<void>;

  /** Puts an object if there is none under the key. Resolves with whether it did. */
  putIfAbsent(key: string, bytes: Uint8Array, options?: PutOptions): Promise<boolean>;

  /** A page of the objects whose keys begin with `prefix`. */
  list(options: ListObjectsOptions): Promise<ObjectPage>;

  /** Deletes objects, at most 1,000; those that are not there do no harm. */
  delete(keys: readonly string[], options?: CallOptions): Promise<void>;

  /** Begins an object that is put in parts: for what is too large for one body. */
  multipart(key: string, options?: PutOptions): Promise<MultipartUpload>;

  /**
   * Throws away the parts of objects whose keys begin with `prefix` and that were begun and never
   * completed: by a process that died. Only to be called when nobody puts such an object. A store
   * that throws them away by itself, and cannot be asked for them, does nothing here.
   */
  abortUploads(prefix: string, options?: CallOptions): Promise<void>;
}
