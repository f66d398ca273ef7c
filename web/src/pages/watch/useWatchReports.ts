import { useEffect } from "react";
import { randomId } from "../../lib/randomId";
import type { WatchState } from "../../realtime/frames";
import type { RoomStore } from "../../realtime/roomStore";

const everyMs = 5_000;
const tickMs = 250;

/**
 * Tells the room every five seconds where one is and how long one has really watched: time that passed while the
 * picture moved, whatever was skipped.
 */
export function useWatchReports(room: RoomStore, media: HTMLVideoElement | null): void {
  useEffect(() => {
    if (!media) return;
    const playbackId = randomId();
    let watchedMs = 0;
    let lastTickMs = performance.now();

    const report = (state: WatchState) =>
      room.watch({ playbackId, positionMs: media.currentTime * 1000, watchedMs, state });
    const tick = () => {
      const nowMs = performance.now();
      const moving = !media.paused && !media.ended && media.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA;
      // A sleeping tab wakes with one huge step, in which nothing was watched for sure.
      if (moving) watchedMs += Math.min(nowMs - lastTickMs, 5 * tickMs);
      lastTickMs = nowMs;
    };
    const paused = () => report("paused");
    const ended = () => report("ended");

    const ticking = setInterval(tick, tickMs);
    const reporting = setInterval(() => {
      if (!media.paused) report("playing");
    }, everyMs);
    media.addEventListener("pause", paused);
    media.addEventListener("ended", ended);
    return () => {
      clearInterval(ticking);
      clearInterval(reporting);
      media.removeEventListener("pause", paused);
      media.removeEventListener("ended", ended);
    };
  }, [room, media]);
}
