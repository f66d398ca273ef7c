/** Videos in a grid, more on demand. Shows skeletons while loading and says so when there is nothing. */
import { useCallback, useState, type ReactNode } from "react";
import type { Video, VideoPage } from "../api/types";
import { useNow } from "../lib/useNow";
import { useResource } from "../lib/useResource";
import { Button } from "./Button";
import { ErrorNote } from "./ErrorNote";
import { SkeletonCards } from "./SkeletonCards";
import { VideoCard } from "./VideoCard";
import styles from "./VideoGrid.module.css";

interface VideoGridProps {
  load: (cursor: string | null, signal?: AbortSignal) => Promise<VideoPage>;
  empty: ReactNode;
  withChannel?: "shown" | "hidden";
}

export function VideoGrid({ load, empty, withChannel }: VideoGridProps) {
  const now = useNow();
  const first = useResource(useCallback((signal: AbortSignal) => load(null, signal), [load]));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Error | null>(null);
  const { replace } = first;

  if (first.state === "loading") return <SkeletonCards />;
  if (first.state === "failed") return <ErrorNote error={first.error} onRetry={first.reload} />;
  const { items, next_cursor: cursor } = first.value;
  if (items.length === 0) return empty;

  async function more() {
    setBusy(true);
    setProblem(null);
    try {
      const page = await load(cursor ?? null);
      replace((before) => ({ items: joined(before.items, page.items), next_cursor: page.next_cursor }));
    } catch (error) {
      setProblem(error as Error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <>
      <ul className={styles.grid}>
        {items.map((video) => (
          <li key={video.id}>
            <VideoCard video={video} now={now} withChannel={withChannel} />
          </li>
        ))}
      </ul>
      {problem && <ErrorNote error={problem} />}
      {cursor && (
        <p className={styles.more}>
          <Button busy={busy} onClick={() => void more()}>
            {busy ? "Loading…" : "Show more"}
          </Button>
        </p>
      )}
    </>
  );
}

/** A video uploaded meanwhile moves the pages, so one may come twice. */
function joined(before: Video[], added: Video[]): Video[] {
  const known = new Set(before.map(({ id }) => id));
  return [...before, ...added.filter(({ id }) => !known.has(id))];
}
