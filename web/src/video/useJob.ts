import { useCallback, useEffect, useState } from "react";
import { getJob } from "../api/jobs";
import type { Job } from "../api/types";
import type { Video } from "../api/types";
import { timeLeftMs, withSample, type Sample } from "../lib/timeLeft";
import { useNow } from "../lib/useNow";
import { useResource } from "../lib/useResource";

const pollMs = 1_500;

/** The job of a video, for its owner, and how long it will still take. */
export function useJob(video: Video) {
  const { id, status } = video;
  const { stage, percent } = video.progress;
  const { value: job, error, reload } = useResource(useCallback((signal: AbortSignal) => getJob(id, signal), [id]));
  const active = job?.state === "running" || job?.state === "queued";

  useEffect(() => reload(), [status, stage, reload]);
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(reload, pollMs);
    return () => clearInterval(timer);
  }, [active, reload]);

  const leftMs = useTimeLeft(job, Math.max(percent, job?.percent ?? 0));
  return { job, error, leftMs: active ? leftMs : null, reload };
}

function useTimeLeft(job: Job | null, percent: number): number | null {
  const now = useNow(1_000);
  const [samples, setSamples] = useState<Sample[]>([]);
  useEffect(() => setSamples((before) => withSample(before, { atMs: Date.now(), percent })), [percent, job?.attempts]);
  return job?.eta_ms ?? timeLeftMs(samples, now);
}
