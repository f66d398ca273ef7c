import { useEffect, useRef } from "react";
import type { Job } from "../api/types";
import { useLatest } from "../lib/useLatest";

/** Says once that a new file has taken the place of the old one. */
export function useReplaced(job: Job | null, onReplaced: () => void): void {
  const latest = useLatest(onReplaced);
  const before = useRef<string | null>(null);
  const status = job?.replacement?.status ?? null;
  useEffect(() => {
    if (!job) return;
    if (before.current === "on_trial" && status === null) latest.current();
    before.current = status;
  }, [job, status, latest]);
}
