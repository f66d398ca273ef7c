/** Orders comments for reading: newest thread first, replies one level deep and oldest first below it. */
import type { Comment } from "../api/types";

export interface Thread {
  head: Comment;
  replies: Comment[];
}

/** `comments` is oldest first. A reply whose parent is not loaded stands by itself. */
export function buildThreads(comments: Comment[]): Thread[] {
  const threads = new Map<string, Thread>();
  const replies: Comment[] = [];
  for (const comment of comments) {
    if (comment.parent_id) replies.push(comment);
    else threads.set(comment.id, { head: comment, replies: [] });
  }
  for (const reply of replies) {
    const thread = threads.get(reply.parent_id ?? "");
    if (thread) thread.replies.push(reply);
    else threads.set(reply.id, { head: reply, replies: [] });
  }
  return [...threads.values()].toSorted((a, b) => (a.head.created_at < b.head.created_at ? 1 : -1));
}
