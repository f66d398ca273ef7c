import { useEffect, useMemo, useState } from "react";
import { readTimeline } from "../api/chat";
import type { Comment } from "../api/types";
import { commentsAt, windowsAround } from "../lib/timeline";

/** How long a minute is kept before it is asked for again; the server says 304 where nothing changed. */
const keepMs = 60_000;

interface Kept {
  items: Comment[];
  untilMs: number;
}

/** Comments of the moment a recording is at: whole minutes are fetched as it plays, one answer for everybody. */
export function useTimeline(videoId: string, positionS: number, durationMs: number | null, removed: Set<string>): Comment[] {
  const [minutes, setMinutes] = useState<ReadonlyMap<number, Kept>>(new Map());
  const positionMs = positionS * 1000;
  const wanted = windowsAround(positionMs, durationMs).join();

  useEffect(() => setMinutes(new Map()), [videoId]);
  useEffect(() => {
    const control = new AbortController();
    for (const window of wanted.split(",").map(Number)) {
      if ((minutes.get(window)?.untilMs ?? 0) > Date.now()) continue;
      readTimeline(videoId, window, control.signal).then(
        ({ items }) => setMinutes((known) => new Map(known).set(window, { items, untilMs: Date.now() + keepMs })),
        () => undefined,
      );
    }
    return () => control.abort();
    // What has been fetched meanwhile must not fetch again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [videoId, wanted]);

  return useMemo(() => {
    const items = [...minutes.values()].flatMap((minute) => minute.items).filter(({ id }) => !removed.has(id));
    // A second's worth more: the position is known in whole seconds.
    return commentsAt(items, positionMs + 999);
  }, [minutes, positionMs, removed]);
}
