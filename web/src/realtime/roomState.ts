/**
 * What a room looks like from here: pure, an event in and the next state out. It keeps comments free of gaps and
 * doubles: an event that does not follow the known offset asks for a resume (`behind`) and changes nothing.
 */
import type { Chat, Comment, Poll } from "../api/types";
import type { Counts, JoinOk, Limits, Position, ProblemBody, RoomEvent } from "./frames";

export interface PendingComment {
  key: string;
  text: string;
  atMs: number | null;
  parentId: string | null;
  state: "sending" | "failed";
  problem: string | null;
}

export interface RoomState {
  phase: "connecting" | "live" | "reconnecting" | "refused";
  position: Position | null;
  behind: boolean;
  /** Oldest first. */
  comments: Comment[];
  pending: PendingComment[];
  counts: Counts | null;
  limits: Limits | null;
  /** The rules of the talk. */
  chat: Omit<Chat, "poll">;
  /** The poll that is open, or the one that closed while one was here. */
  poll: Poll | null;
  /** Ids that went while one was here: what was fetched before must not show them. */
  removed: Set<string>;
  /** Until when one may not comment, and why. */
  hold: Hold | null;
  problem: ProblemBody | null;
}

export interface Hold {
  why: "slow" | "silenced";
  untilMs: number;
}

export type RoomAction =
  | { type: "joined"; ok: JoinOk }
  | { type: "event"; event: RoomEvent }
  | { type: "disconnected" }
  | { type: "refused"; problem: ProblemBody }
  | { type: "olderLoaded"; items: Comment[] }
  | { type: "sending"; comment: PendingComment }
  | { type: "sent"; key: string; comment: Comment }
  | { type: "sendFailed"; key: string; problem: string }
  | { type: "dropped"; key: string }
  | { type: "deleted"; ids: string[] }
  | { type: "edited"; comment: Comment }
  | { type: "voted"; poll: Poll }
  | { type: "pollPutAway" }
  | { type: "held"; hold: Hold | null };

export const emptyRoom: RoomState = {
  phase: "connecting",
  position: null,
  behind: false,
  comments: [],
  pending: [],
  counts: null,
  limits: null,
  chat: { slow_mode_s: 0, pinned: null },
  poll: null,
  removed: new Set(),
  hold: null,
  problem: null,
};

export function reduceRoom(state: RoomState, action: RoomAction): RoomState {
  switch (action.type) {
    case "joined":
      return joined(state, action.ok);
    case "event":
      return received(state, action.event);
    case "disconnected":
      return state.phase === "refused" ? state : { ...state, phase: state.position ? "reconnecting" : "connecting" };
    case "refused":
      return { ...state, phase: "refused", problem: action.problem };
    case "olderLoaded":
      return { ...state, comments: merged(state.comments, action.items) };
    case "sending":
      return { ...state, pending: [...without(state.pending, action.comment.key), action.comment] };
    case "sent":
      return {
        ...state,
        pending: without(state.pending, action.key),
        comments: merged(state.comments, [action.comment]),
      };
    case "sendFailed":
      return { ...state, pending: state.pending.map((one) => failed(one, action)) };
    case "dropped":
      return { ...state, pending: without(state.pending, action.key) };
    case "deleted":
      return { ...state, comments: withoutIds(state.comments, action.ids), removed: withIds(state.removed, action.ids) };
    case "edited":
      return { ...state, comments: renewed(state.comments, [action.comment]) };
    case "voted":
      return { ...state, poll: newerPoll(state.poll, action.poll) };
    case "pollPutAway":
      return { ...state, poll: state.poll?.open ? state.poll : null };
    case "held":
      return { ...state, hold: action.hold };
  }
}

function joined(state: RoomState, ok: JoinOk): RoomState {
  const kept = ok.recovered ? renewed(withoutIds(state.comments, ok.removed), ok.edited) : [];
  const { poll = null, ...chat } = ok.chat;
  return {
    ...state,
    phase: "live",
    behind: false,
    problem: null,
    position: { epoch: ok.epoch, offset: ok.offset },
    comments: merged(kept, ok.comments),
    counts: ok.counts,
    limits: ok.limits,
    chat,
    hold: heldStill(state.hold, chat.slow_mode_s),
    poll: poll ? newerPoll(state.poll, poll) : null,
  };
}

/** Slow mode that has ended holds nobody back. */
function heldStill(hold: Hold | null, slowModeS: number): Hold | null {
  return hold?.why === "slow" && slowModeS === 0 ? null : hold;
}

/** One's own choice is only in answers to oneself; events must not lose it, nor an old answer undo the end. */
function newerPoll(known: Poll | null, came: Poll): Poll {
  if (known?.id !== came.id) return came;
  const vote = came.vote ?? known.vote;
  return { ...(known.open ? came : { ...known, open: false }), ...(vote === undefined ? {} : { vote }) };
}

function received(state: RoomState, event: RoomEvent): RoomState {
  if (event.ev === "counts") {
    const { views, likes, dislikes, comments, viewers } = event;
    return { ...state, counts: { views, likes, dislikes, comments, viewers } };
  }
  if (event.ev === "chat") {
    const { slow_mode_s, pinned } = event;
    return { ...state, chat: { slow_mode_s, pinned }, hold: heldStill(state.hold, slow_mode_s) };
  }
  if (event.ev === "poll") return { ...state, poll: newerPoll(state.poll, event.poll) };
  if (event.ev !== "comments" && event.ev !== "edited" && event.ev !== "removed") return state;
  // Before the snapshot there is nothing to add to; while behind, the resume will bring it.
  if (!state.position || state.behind) return state;
  if (event.ev === "comments") return commented(state, state.position, event);
  return changed(state, state.position, event);
}

function commented(state: RoomState, at: Position, event: RoomEvent & { ev: "comments" }): RoomState {
  const first = event.offset - event.items.length + 1;
  if (first > at.offset + 1) return { ...state, behind: true };
  if (event.offset <= at.offset) return state;
  return {
    ...state,
    position: { ...at, offset: event.offset },
    comments: merged(state.comments, event.items.slice(at.offset + 1 - first)),
  };
}

/** Removals and edits may be repeated without harm, so only a gap before them matters. */
function changed(state: RoomState, at: Position, event: RoomEvent & { ev: "removed" | "edited" }): RoomState {
  const size = event.ev === "removed" ? event.ids.length : event.items.length;
  if (event.offset > at.offset + Math.max(1, size)) return { ...state, behind: true };
  const comments =
    event.ev === "removed" ? withoutIds(state.comments, event.ids) : renewed(state.comments, event.items);
  const removed = event.ev === "removed" ? withIds(state.removed, event.ids) : state.removed;
  return { ...state, position: { ...at, offset: Math.max(at.offset, event.offset) }, comments, removed };
}

function withIds(known: Set<string>, ids: string[]): Set<string> {
  return ids.length === 0 ? known : new Set([...known, ...ids]);
}

function renewed(comments: Comment[], edited: Comment[]): Comment[] {
  const byId = new Map(edited.map((comment) => [comment.id, comment]));
  return comments.map((comment) => byId.get(comment.id) ?? comment);
}

/** Adds what is not known yet, and renews what is; ordered by time of writing. */
function merged(known: Comment[], added: Comment[]): Comment[] {
  const byId = new Map(known.map((comment) => [comment.id, comment]));
  for (const comment of added) byId.set(comment.id, comment);
  return [...byId.values()].toSorted(byAge);
}

function byAge(a: Comment, b: Comment): number {
  if (a.created_at !== b.created_at) return a.created_at < b.created_at ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

function withoutIds(comments: Comment[], ids: string[]): Comment[] {
  if (ids.length === 0) return comments;
  const gone = new Set(ids);
  return comments.filter(({ id, parent_id }) => !gone.has(id) && !(parent_id && gone.has(parent_id)));
}

function without(pending: PendingComment[], key: string): PendingComment[] {
  return pending.filter((one) => one.key !== key);
}

function failed(one: PendingComment, action: { key: string; problem: string }): PendingComment {
  return one.key === action.key ? { ...one, state: "failed", problem: action.problem } : one;
}
