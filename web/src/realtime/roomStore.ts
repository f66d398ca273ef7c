/** One joined room: joins, resumes, and sends comments so that each arrives exactly once. React reads its state. */
import type { Comment, Poll } from "../api/types";
import { randomId } from "../lib/randomId";
import { connection, RealtimeError, type Connection } from "./connection";
import type { CommentOk, JoinOk, WatchState } from "./frames";
import { emptyRoom, reduceRoom, type Hold, type PendingComment, type RoomAction, type RoomState } from "./roomState";

export interface Draft {
  text: string;
  atMs: number | null;
  parentId: string | null;
}

export interface WatchReport {
  playbackId: string;
  positionMs: number;
  watchedMs: number;
  state: WatchState;
}

const rejoinMs = 2_000;

export class RoomStore {
  private state: RoomState = emptyRoom;
  private readonly listeners = new Set<() => void>();
  private readonly throwers = new Set<(counts: Record<string, number>) => void>();
  private stopListening: (() => void) | null = null;
  private joining = false;
  private visit = 0;
  private rejoinTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly room: string,
    private readonly line: Connection = connection,
  ) {}

  readonly snapshot = (): RoomState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  enter(): () => void {
    this.stopListening = this.line.listen({
      opened: () => void this.join(),
      lost: () => this.dispatch({ type: "disconnected" }),
      room: (event) => {
        if (event.room !== this.room) return;
        if (event.ev === "bursts") for (const thrown of this.throwers) thrown(event.counts);
        else this.dispatch({ type: "event", event });
      },
    });
    return () => this.exit();
  }

  send(draft: Draft): void {
    const { text, atMs, parentId } = draft;
    this.transmit({ key: randomId(), text, atMs, parentId, state: "sending", problem: null });
  }

  retry(key: string): void {
    const comment = this.state.pending.find((one) => one.key === key);
    if (comment) this.transmit({ ...comment, state: "sending", problem: null });
  }

  drop(key: string): void {
    this.dispatch({ type: "dropped", key });
  }

  addOlder(items: Comment[]): void {
    this.dispatch({ type: "olderLoaded", items });
  }

  forget(ids: string[]): void {
    this.dispatch({ type: "deleted", ids });
  }

  renew(comment: Comment): void {
    this.dispatch({ type: "edited", comment });
  }

  voted(poll: Poll): void {
    this.dispatch({ type: "voted", poll });
  }

  putPollAway(): void {
    this.dispatch({ type: "pollPutAway" });
  }

  hold(hold: Hold | null): void {
    this.dispatch({ type: "held", hold });
  }

  /** Seen or missed: a burst that does not arrive is not repeated. */
  burst(emoji: string): void {
    if (this.state.phase === "live") this.line.request({ op: "burst", room: this.room, emoji }).catch(() => undefined);
  }

  onBursts(thrown: (counts: Record<string, number>) => void): () => void {
    this.throwers.add(thrown);
    return () => this.throwers.delete(thrown);
  }

  /** Lost reports are not repeated: the next one carries the whole watched time. */
  watch({ playbackId, positionMs, watchedMs, state }: WatchReport): void {
    if (this.state.phase !== "live") return;
    const times = { position_ms: Math.round(positionMs), watched_ms: Math.round(watchedMs) };
    const operation = { op: "watch", room: this.room, playback_id: playbackId, ...times, state } as const;
    this.line.request(operation).catch(() => undefined);
  }

  private exit(): void {
    clearTimeout(this.rejoinTimer);
    this.visit += 1;
    this.joining = false;
    if (this.line.isOpen()) this.line.request({ op: "leave", room: this.room }).catch(() => undefined);
    this.stopListening?.();
    this.stopListening = null;
  }

  private async join(): Promise<void> {
    if (this.joining) return;
    this.joining = true;
    clearTimeout(this.rejoinTimer);
    const visit = this.visit;
    try {
      const since = this.state.position;
      const ok = await this.line.request<JoinOk>({ op: "join", room: this.room, ...(since ? { since } : {}) });
      if (visit !== this.visit) return;
      this.joining = false;
      this.dispatch({ type: "joined", ok });
      this.sendWaiting();
    } catch (error) {
      if (visit !== this.visit) return;
      this.joining = false;
      if (error instanceof RealtimeError) this.joinFailed(error);
    }
  }

  private joinFailed(error: RealtimeError): void {
    if (error.code === "disconnected") return;
    if (error.retryAfterMs !== null) this.rejoinAfter(error.retryAfterMs);
    else this.dispatch({ type: "refused", problem: { code: error.code, detail: error.message } });
  }

  private rejoinAfter(waitMs: number): void {
    clearTimeout(this.rejoinTimer);
    this.rejoinTimer = setTimeout(() => void this.join(), waitMs);
  }

  private transmit(comment: PendingComment): void {
    this.dispatch({ type: "sending", comment });
    if (this.state.phase === "live") void this.deliver(comment);
  }

  /** After a lost line nobody knows whether a comment arrived; its key makes sending it again harmless. */
  private sendWaiting(): void {
    for (const comment of this.state.pending) if (comment.state === "sending") void this.deliver(comment);
  }

  private async deliver({ key, text, atMs, parentId }: PendingComment): Promise<void> {
    const pinned = { ...(atMs === null ? {} : { at_ms: atMs }), ...(parentId === null ? {} : { parent_id: parentId }) };
    try {
      const ok = await this.line.request<CommentOk>({ op: "comment", room: this.room, text, key, ...pinned });
      this.dispatch({ type: "sent", key, comment: ok.comment });
      const pauseMs = this.state.chat.slow_mode_s * 1000;
      if (pauseMs > 0) this.hold({ why: "slow", untilMs: Date.now() + pauseMs });
    } catch (error) {
      if (!(error instanceof RealtimeError) || error.code === "disconnected") return;
      this.dispatch({ type: "sendFailed", key, problem: error.message });
      const why = ({ slow_mode: "slow", timed_out: "silenced" } as const)[error.code];
      if (why && error.retryAfterMs !== null) this.hold({ why, untilMs: Date.now() + error.retryAfterMs });
    }
  }

  private dispatch(action: RoomAction): void {
    const before = this.state;
    this.state = reduceRoom(before, action);
    if (this.state === before) return;
    if (this.state.behind && !before.behind) this.catchUp();
    for (const listener of this.listeners) listener();
  }

  private catchUp(): void {
    if (this.line.isOpen()) void this.join().then(() => this.state.behind && this.rejoinAfter(rejoinMs));
  }
}
