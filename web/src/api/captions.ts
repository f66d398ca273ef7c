/** Captions, chapters and their calls. */
import { request } from "./client";
import type { Caption, CaptionTrack, Chapter, Playback, Video } from "./types";

export interface NewCaptions {
  language: string;
  label: string;
  kind: string;
  file: File;
}

export function captionsOf(playback: Playback | null): Caption[] {
  return playback?.captions ?? [];
}

export function chaptersOf(video: Video | null): Chapter[] {
  return video?.chapters ?? [];
}

export async function listCaptions(videoId: string, signal?: AbortSignal): Promise<CaptionTrack[]> {
  const { items } = await request<{ items: CaptionTrack[] }>(pathOf(videoId), { signal });
  return items;
}

export function putCaptions(videoId: string, { language, label, kind, file }: NewCaptions): Promise<CaptionTrack> {
  const type = /\.srt$/i.test(file.name) ? "application/x-subrip" : "text/vtt";
  const query = { label: label || null, kind };
  return request(pathOf(videoId, language), { method: "PUT", query, file: { content: file, type } });
}

export function deleteCaptions(videoId: string, language: string): Promise<void> {
  return request(pathOf(videoId, language), { method: "DELETE" });
}

function pathOf(videoId: string, language?: string): string {
  const all = `/videos/${encodeURIComponent(videoId)}/captions`;
  return language === undefined ? all : `${all}/${encodeURIComponent(language)}`;
}
