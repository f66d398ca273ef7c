import { request } from "./client";
import type { CommentPage } from "./types";

export interface CommentQuery {
  cursor?: string | null;
  parent?: string;
}

/** Newest first. */
export function listComments(videoId: string, query: CommentQuery): Promise<CommentPage> {
  return request(`/videos/${encodeURIComponent(videoId)}/comments`, { query: { limit: 50, ...query } });
}

export function deleteComment(id: string): Promise<void> {
  return request(`/comments/${encodeURIComponent(id)}`, { method: "DELETE" });
}
