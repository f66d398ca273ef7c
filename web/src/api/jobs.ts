/** The job that makes a video. TO BE REPLACED: `eta_ms` by the generated schema once it has it. */
import { request } from "./client";
import type { components } from "./schema";

export type JobEvent = components["schemas"]["JobEvent"];
/** `eta_ms`: how long it will still take, where the server can say. */
export type Job = components["schemas"]["Job"] & { eta_ms?: number | null };

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
