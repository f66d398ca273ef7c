import { request } from "./client";
import type { Channel } from "./types";

export function getChannel(id: string, signal?: AbortSignal): Promise<Channel> {
  return request(`/channels/${encodeURIComponent(id)}`, { signal });
}

export function setSubscribed(id: string, subscribed: boolean): Promise<unknown> {
  return request(`/channels/${encodeURIComponent(id)}/subscription`, { method: subscribed ? "PUT" : "DELETE" });
}
