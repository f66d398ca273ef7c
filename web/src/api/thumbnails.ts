/**
 * The picture that stands for a video.
 * TO BE REPLACED: the interfaces here by those of the generated schema once it has them.
 */
import { request } from "./client";

export interface ThumbnailCandidate {
  candidate: number;
  /** The moment of the video it shows. */
  at_ms: number;
  url: string;
}

export interface ThumbnailChoices {
  poster: string;
  /** Null where an image of one's own stands for the video, or there is none yet. */
  selected?: number | null;
  candidates: ThumbnailCandidate[];
}

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
