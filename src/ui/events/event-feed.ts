import type { EventPage, SessionEvent } from "../../client/index.ts";
import type { SessionApi } from "../api/connection.ts";
import { type HistoryView, viewQuery } from "./event-pages.ts";
import { EventWindow } from "./event-window.ts";

/** A place in the history to be shown. */
export type FeedPlace =
  | { readonly kind: "start" | "end" }
  /** Around the event whose cursor it is. */
  | { readonly kind: "at"; readonly cursor: string }
  /** From the event after a cursor on. */
  | { readonly kind: "after"; readonly cursor: string }
  /** From a byte of the history on. */
  | { readonly kind: "offset"; readonly offset: number };

/** What a feed has for now. */
export interface FeedState {
  readonly window: EventWindow;
  /** Counts the places that were gone to: a new one is not a continuation of what was shown before. */
  readonly place: number;
  readonly isLoading: boolean;
  /** Whether events that come are added. */
  readonly isLive: boolean;
  readonly error: unknown;
}

const PAGE_EVENTS = 200;
/** Live events are added at most so often: some 60 times a second. */
const FLUSH_MS = 16;
/** More of them are added at once: pages in the background are woken seldom. */
const MAX_PENDING = 1_000;

/**
 * The events of a session for a list: a window that is moved by `goTo`, grows at its ends by pages, and follows what comes while
 * its reader is at the end. One request at a time; a new place gives up the request before.
 */
export class EventFeed {
  readonly #session: SessionApi;
  readonly #view: HistoryView;
  readonly #onChange: (state: FeedState) => void;
  #state: FeedState = {
    window: EventWindow.EMPTY,
    place: 0,
    isLoading: true,
    isLive: false,
    error: null,
  };
  #loading: AbortController | null = null;
  #tail: AbortController | null = null;

  constructor(session: SessionApi, view: HistoryView, onChange: (state: FeedState) => void) {
    this.#session = session;
    this.#view = view;
    this.#onChange = onChange;
  }

  /** Shows another place. Rejects never: what fails is in the state. */
  async goTo(place: FeedPlace): Promise<void> {
    this.#loading?.abort();
    this.#loading = null;
    this.#stopTail();
    await this.#load(async (signal) => {
      const window = await this.#windowAt(place, signal);
      return { window, place: this.#state.place + 1 };
    });
    if (place.kind === "end") this.follow();
  }

  /** Adds the page before the window, unless something is being loaded. */
  async loadBefore(): Promise<void> {
    const { window } = this.#state;
    if (this.#loading || !window.hasBefore || window.start === null) return;
    const before = window.start;
    await this.#load(async (signal) => {
      const page = await this.#page({ before, signal });
      return { window: this.#state.window.withBefore(page) };
    });
    // the end may have been dropped for it
    if (this.#state.window.hasAfter) this.#stopTail();
  }

  /** Adds the page after the window, unless something is being loaded. */
  async loadAfter(): Promise<void> {
    const { window } = this.#state;
    if (this.#loading || this.#tail || !window.hasAfter || window.end === null) return;
    const after = window.end;
    await this.#load(async (signal) => {
      const page = await this.#page({ after, signal });
      return { window: this.#state.window.withAfter(page) };
    });
  }

  /** Adds events as they come, from the window's end on, if that is the end of the history. */
  follow(): void {
    const { window, error } = this.#state;
    if (this.#tail || this.#loading || window.hasAfter || error !== null) return;
    const tail = new AbortController();
    this.#tail = tail;
    this.#set({ isLive: true });
    void this.#followFrom(window.end, tail.signal);
  }

  /** Stops following: its reader looks at something else. What comes meanwhile is had by pages. */
  unfollow(): void {
    if (!this.#tail) return;
    this.#stopTail();
    this.#set({ window: this.#state.window.detached() });
  }

  /** Ends everything. */
  close(): void {
    this.#loading?.abort();
    this.#tail?.abort();
  }

  async #followFrom(after: string | null, signal: AbortSignal): Promise<void> {
    let pending: SessionEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | null = null;
    const flush = (): void => {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      if (signal.aborted || pending.length === 0) return;
      // the log is another one: what is shown is of one that is gone
      const anew = pending.findLastIndex(({ replay }) => replay !== null);
      const window = anew === -1 ? this.#state.window : EventWindow.EMPTY;
      const events = anew === -1 ? pending : pending.slice(anew);
      pending = [];
      this.#set({ window: window.withLive(events) });
    };
    try {
      const options = { after, signal, ...viewQuery(this.#view) };
      for await (const event of this.#session.events(options)) {
        pending.push(event);
        if (pending.length >= MAX_PENDING) flush();
        else timer ??= setTimeout(flush, FLUSH_MS);
      }
      flush();
      if (!signal.aborted) this.#set({ isLive: false });
    } catch (error) {
      if (!signal.aborted) this.#set({ error, isLive: false });
    }
  }

  #stopTail(): void {
    this.#tail?.abort();
    this.#tail = null;
    this.#set({ isLive: false });
  }

  async #load(change: (signal: AbortSignal) => Promise<Partial<FeedState>>): Promise<void> {
    const loading = new AbortController();
    this.#loading = loading;
    this.#set({ isLoading: true });
    try {
      const changed = await change(loading.signal);
      if (this.#loading !== loading) return;
      this.#loading = null;
      this.#set({ ...changed, isLoading: false, error: null });
    } catch (error) {
      if (this.#loading !== loading) return;
      this.#loading = null;
      this.#set({ error, isLoading: false });
    }
  }

  async #windowAt(place: FeedPlace, signal: AbortSignal): Promise<EventWindow> {
    switch (place.kind) {
      case "start":
        return EventWindow.of(await this.#page({ after: "", signal }));
      case "after":
        return EventWindow.of(await this.#page({ after: place.cursor, signal }));
      case "offset":
        return EventWindow.of(await this.#page({ offset: Math.floor(place.offset), signal }));
      case "at": {
        const before = await this.#page({ before: place.cursor, signal });
        const after = await this.#page({ after: place.cursor, signal });
        return EventWindow.of(before).withAfter(after);
      }
      default:
        return EventWindow.of(await this.#page({ before: "", signal }));
    }
  }

  #page(
    query: { readonly signal: AbortSignal } & (
      | { readonly after: string }
      | { readonly before: string }
      | { readonly offset: number }
    ),
  ): Promise<EventPage> {
    return this.#session.page({ ...viewQuery(this.#view), limit: PAGE_EVENTS, ...query });
  }

  #set(change: Partial<FeedState>): void {
    this.#state = { ...this.#state, ...change };
    this.#onChange(this.#state);
  }
}
