import { useCallback } from "react";
import { searchVideos } from "../api/search";
import type { SearchSort } from "../api/types";
import { EmptyState } from "../components/EmptyState";
import { VideoGrid } from "../components/VideoGrid";
import { navigate, useSearch } from "../lib/router";
import { useDocumentTitle } from "../lib/useDocumentTitle";
import styles from "./SearchPage.module.css";

const sorts: [sort: SearchSort, name: string][] = [
  ["relevance", "Best match"],
  ["date", "Newest"],
  ["views", "Most viewed"],
];

/** What was asked for is in the address, so that results can be linked to and returned to. */
export function SearchPage() {
  const search = useSearch();
  const words = search.get("q") ?? "";
  const sort = sorts.find(([known]) => known === search.get("sort"))?.[0] ?? "relevance";
  useDocumentTitle(words ? `${words} – search` : "Search");
  const load = useCallback(
    async (cursor: string | null, signal?: AbortSignal) => {
      const page = await searchVideos({ words, sort, cursor }, signal);
      return { items: page.items.map((hit) => hit.video), next_cursor: page.next_cursor };
    },
    [words, sort],
  );
  return (
    <>
      <div className={styles.top}>
        <h1>{words ? `Results for “${words}”` : "All videos"}</h1>
        <label className={styles.sort}>
          <span>Sort by</span>
          <select
            value={sort}
            onChange={(event) =>
              navigate(`/search?${new URLSearchParams({ q: words, sort: event.target.value })}`, { replace: true })
            }
          >
            {sorts.map(([known, name]) => (
              <option key={known} value={known}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <VideoGrid
        load={load}
        empty={
          <EmptyState icon="search" title="Nothing found">
            <p>Every word has to be in the title, the tags or the description. Try fewer, or others.</p>
          </EmptyState>
        }
      />
    </>
  );
}
