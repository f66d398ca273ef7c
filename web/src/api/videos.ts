import { request } from "./client";
import type { Playback, Reaction, ReactionTotals, Video, VideoPage } from "./types";

export interface VideoQuery {
  cursor?: string | null;
  channel?: string;
  limit?: number;
}

export function listVideos({ cursor, channel, limit = 24 }: VideoQuery, signal?: AbortSignal): Promise<VideoPage> {
  return request("/videos", { query: { sort: "newest", limit, cursor, channel }, signal });
}

export function getVideo(id: string, signal?: AbortSignal): Promise<Video> {
  return request(`/videos/${encodeURIComponent(id)}`, { signal });
}

export function deleteVideo(id: string): Promise<void> {
  return request(`/videos/${encodeURIComponent(id)}`, { method: "DELETE" });
}

export function getPlayback(id: string, signal?: AbortSignal): Promise<Playback> {
  return request(`/videos/${encodeURIComponent(id)}/playback`, { signal });
}

export function putReaction(id: string, reaction: Reaction): Promise<ReactionTotals> {
  return request(`/videos/${encodeURIComponent(id)}/reaction`, { method: "PUT", body: { reaction } });
}
