import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError } from "../api/problem";
import type { Playback, Video } from "../api/types";
import { getPlayback } from "../api/videos";

const waitMaxMs = 2_000;
const renewAheadMs = 60_000;

/**
 * The addresses that play a video: asked for until there are some, and again before they end. `passing` is why there
 * are none yet, `error` why there will be none.
 */
export function usePlayback(videoId: string, percent: number, status: Video["status"]) {
  const [playback, setPlayback] = useState<Playback | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [passing, setPassing] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  const waiting = playback === null && status !== "failed";

  const asking = useRef(false);

  useEffect(() => {
    if (!waiting) return;
    asking.current = true;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    getPlayback(videoId, abort.signal).then(
      (found) => {
        if (abort.signal.aborted) return;
        setError(null);
        setPassing(null);
        setPlayback(found);
      },
      (reason: unknown) => {
        if (abort.signal.aborted) return;
        asking.current = false;
        const waitMs = retryAfter(reason);
        setPassing(waitMs === null ? null : (reason as ApiError));
        if (waitMs === null) setError(reason as Error);
        else timer = setTimeout(() => setRound((before) => before + 1), waitMs);
      },
    );
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [videoId, waiting, round]);

  // Each step of the job is a reason to ask at once.
  useEffect(() => {
    if (!asking.current) setRound((before) => before + 1);
  }, [status, percent]);

  /** What plays goes on while new addresses are fetched; who may not watch any more loses the player. */
  const renew = useCallback(async () => {
    try {
      setPlayback(await getPlayback(videoId));
      setError(null);
    } catch (reason) {
      if (retryAfter(reason) !== null) return;
      setPlayback(null);
      setError(reason as Error);
    }
  }, [videoId]);

  useEffect(() => {
    if (!playback) return;
    const timer = setTimeout(() => void renew(), untilRenewal(playback));
    return () => clearTimeout(timer);
  }, [playback, renew]);

  return { playback, passing, error, renew };
}

function retryAfter(reason: unknown): number | null {
  if (!(reason instanceof ApiError)) return null;
  const passing = reason.code === "not_playable_yet" || reason.status === 409 || reason.status === 0 || reason.status >= 500;
  return passing ? Math.min(waitMaxMs, Math.max(300, reason.retryAfterMs ?? waitMaxMs)) : null;
}

function untilRenewal({ expires_at: expiresAt }: Playback): number {
  const leftMs = Date.parse(expiresAt) - Date.now() - renewAheadMs;
  // A timer holds 31 bits at most.
  return Number.isFinite(leftMs) ? Math.min(2 ** 31 - 1, Math.max(renewAheadMs, leftMs)) : 2 ** 31 - 1;
}
