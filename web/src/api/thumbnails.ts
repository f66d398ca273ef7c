/** The picture that stands for a video. */
import { request } from "./client";
import type { ThumbnailChoices } from "./types";

export function listThumbnails(videoId: string, signal?: AbortSignal): Promise<ThumbnailChoices> {
  return request(`/videos/${encodeURIComponent(videoId)}/thumbnails`, { signal });
}

export function chooseThumbnail(videoId: string, candidate: number): Promise<ThumbnailChoices> {
  return request(pathOf(videoId), { method: "PUT", body: { candidate } });
}

export function uploadThumbnail(videoId: string, file: File): Promise<ThumbnailChoices> {
  return request(pathOf(videoId), { method: "PUT", file: { content: file, type: file.type } });
}

function pathOf(videoId: string): string {
  return `/videos/${encodeURIComponent(videoId)}/thumbnail`;
}
