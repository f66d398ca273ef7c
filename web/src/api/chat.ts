/** The rules of a room's talk, and what moderators do about it. Their effect comes back over the socket. */
import { request } from "./client";
import type { Chat, ChatView, Comment, Poll, TimedOut, Timeline } from "./types";

const of = (videoId: string, rest: string) => `/videos/${encodeURIComponent(videoId)}/${rest}`;

export function readChat(videoId: string, signal?: AbortSignal): Promise<ChatView> {
  return request(of(videoId, "chat"), signal ? { signal } : {});
}

export function setSlowMode(videoId: string, slowModeS: number): Promise<Chat> {
  return request(of(videoId, "chat/slow-mode"), { method: "PUT", body: { slow_mode_s: slowModeS } });
}

export function pinComment(videoId: string, commentId: string | null): Promise<Chat> {
  if (commentId === null) return request(of(videoId, "chat/pin"), { method: "DELETE" });
  return request(of(videoId, "chat/pin"), { method: "PUT", body: { comment_id: commentId } });
}

export function timeOut(videoId: string, userId: string, durationS: number, removeComments: boolean): Promise<TimedOut> {
  const path = of(videoId, `time-outs/${encodeURIComponent(userId)}`);
  return request(path, { method: "PUT", body: { duration_s: durationS, remove_comments: removeComments } });
}

export function editComment(id: string, text: string): Promise<Comment> {
  return request(`/comments/${encodeURIComponent(id)}`, { method: "PATCH", body: { text } });
}

export function openPoll(videoId: string, question: string, options: string[], key: string): Promise<Poll> {
  return request(of(videoId, "polls"), { method: "POST", body: { question, options }, idempotencyKey: key });
}

export function readPoll(videoId: string, pollId: string, signal?: AbortSignal): Promise<Poll> {
  return request(of(videoId, `polls/${encodeURIComponent(pollId)}`), signal ? { signal } : {});
}

export function closePoll(videoId: string, pollId: string): Promise<Poll> {
  return request(of(videoId, `polls/${encodeURIComponent(pollId)}/close`), { method: "POST", body: {} });
}

export function vote(videoId: string, pollId: string, option: number): Promise<Poll> {
  return request(of(videoId, `polls/${encodeURIComponent(pollId)}/vote`), { method: "PUT", body: { option } });
}

export function readTimeline(videoId: string, window: number, signal?: AbortSignal): Promise<Timeline> {
  return request(of(videoId, `comments/timeline/${window}`), signal ? { signal } : {});
}
