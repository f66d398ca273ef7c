/**
 * Captions, chapters and their calls.
 * TO BE REPLACED: the interfaces here by those of the generated schema once it has them.
 */
import { request } from "./client";
import type { Playback, Video } from "./types";

export interface Caption {
  language: string;
  label: string;
  /** `subtitles`, or `captions` for those who do not hear the sound. */
  kind?: string;
  url: string;
}

export interface CaptionTrack extends Caption {
  cues: number;
  /** Cues of the upload that could not be read and were left out. */
  skipped: number;
  updated_at: string;
}

export interface Chapter {
  start_ms: number;
  title: string;
}

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
  return (video as { chapters?: Chapter[] } | null)?.chapters ?? [];
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
