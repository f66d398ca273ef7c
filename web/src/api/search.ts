import { request } from "./client";
import type { SearchPage, SearchSort } from "./types";

export interface SearchQuery {
  words: string;
  sort: SearchSort;
  cursor?: string | null;
}

export function searchVideos({ words, sort, cursor }: SearchQuery, signal?: AbortSignal): Promise<SearchPage> {
  return request("/search", { query: { q: words, sort, cursor, limit: 24 }, signal });
}
