import { useEffect } from "react";
import { useLatest } from "../lib/useLatest";
import { connection } from "./connection";
import type { JobNotice } from "./frames";

/** Hears of the transcode of one of the signed-in user's own videos. */
export function useJobNotices(videoId: string | null, onNotice: (job: JobNotice) => void): void {
  const latest = useLatest(onNotice);
  useEffect(() => {
    if (videoId === null) return;
    return connection.listen({
      notice: ({ kind, data }) => {
        const job = data as JobNotice;
        if (kind === "job" && job.video_id === videoId) latest.current(job);
      },
    });
  }, [videoId, latest]);
}
