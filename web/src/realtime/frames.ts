/** The frames of `GET /api/v1/ws` (sub-protocol `playhouse.v1.json`), as schema/asyncapi.yaml has them. */
import type { Chat, Comment, Poll, Reaction } from "../api/types";

export interface Position {
  epoch: string;
  offset: number;
}

export interface Counts {
  views: number;
  likes: number;
  dislikes: number;
  comments: number;
  viewers: number;
}

export interface Limits {
  frame_bytes_max: number;
  comment_len_max: number;
  rooms_max: number;
  comments_per_minute: number;
}

export interface JoinOk extends Position {
  room: string;
  recovered: boolean;
  counts: Counts;
  comments: Comment[];
  /** Of a resume: what was taken away meanwhile. */
  removed: string[];
  /** Of a resume: older ones whose words changed. */
  edited: Comment[];
  chat: Chat;
  limits: Limits;
}

export interface CommentOk {
  comment: Comment;
  offset: number;
}

export interface JobNotice {
  video_id: string;
  status: string;
  stage: string;
  percent: number;
  failure?: { code: string; detail: string; retryable: boolean } | null;
  replacement?: { status: string; failure?: { code: string; detail: string; retryable: boolean } | null } | null;
}

export type Operation =
  | { op: "join"; room: string; since?: Position }
  | { op: "leave"; room: string }
  | { op: "comment"; room: string; text: string; at_ms?: number; parent_id?: string; key: string }
  | { op: "react"; room: string; reaction: Reaction }
  | { op: "watch"; room: string; playback_id: string; position_ms: number; watched_ms: number; state: WatchState }
  | { op: "burst"; room: string; emoji: string }
  | { op: "auth"; access_token: string }
  | { op: "ping" };

export type WatchState = "playing" | "paused" | "ended";

export type RoomEvent =
  | { ev: "comments"; room: string; offset: number; items: Comment[] }
  | ({ ev: "counts"; room: string } & Counts)
  | { ev: "edited"; room: string; offset: number; items: Comment[] }
  | { ev: "removed"; room: string; offset: number; ids: string[] }
  | { ev: "chat"; room: string; slow_mode_s: number; pinned: Comment | null }
  | { ev: "poll"; room: string; poll: Poll }
  | { ev: "bursts"; room: string; counts: Record<string, number> };

/** Somebody called or answered the signed-in user. */
export interface CallNotice {
  video_id: string;
  comment: Comment;
}

export interface TimedOutNotice {
  video_id: string;
  until: string | null;
}

export interface NoticeEvent {
  ev: "notice";
  kind: string;
  data: unknown;
}

export interface ByeEvent {
  ev: "bye";
  code: number;
  detail: string;
  reconnect_after_ms?: number;
}

export interface ProblemBody {
  code: string;
  detail: string;
  retry_after_ms?: number;
}

export type Answer = { re: number; ok: unknown } | { re: number; problem: ProblemBody };
export type ServerFrame = Answer | RoomEvent | NoticeEvent | ByeEvent;

export const closeCodes = {
  goingAway: 4000,
  slowReader: 4001,
  malformedFrame: 4002,
  notAllowed: 4003,
  tooMany: 4004,
  tokenEnded: 4005,
} as const;
