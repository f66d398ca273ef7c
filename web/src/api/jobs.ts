/** The job that makes a video. */
import { request } from "./client";
import type { Job } from "./types";

export function getJob(videoId: string, signal?: AbortSignal): Promise<Job> {
  return request(pathOf(videoId), { signal });
}

export function retryJob(videoId: string): Promise<unknown> {
  return request(`${pathOf(videoId)}/retry`, { method: "POST" });
}

export function cancelJob(videoId: string): Promise<unknown> {
  return request(`${pathOf(videoId)}/cancel`, { method: "POST" });
}

function pathOf(videoId: string): string {
  return `/videos/${encodeURIComponent(videoId)}/job`;
}
