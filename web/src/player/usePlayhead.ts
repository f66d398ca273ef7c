import { useEffect, type RefObject } from "react";

/** Moves `--played` with each frame while playing: smoother than `timeupdate`, and without rendering anything. */
export function usePlayhead(video: HTMLVideoElement, bar: RefObject<HTMLElement | null>, durationS: number): void {
  useEffect(() => {
    let frame = 0;
    const draw = () => {
      const share = durationS > 0 ? Math.min(1, video.currentTime / durationS) : 0;
      bar.current?.style.setProperty("--played", `${share * 100}%`);
      if (!video.paused) frame = requestAnimationFrame(draw);
    };
    const restart = () => {
      cancelAnimationFrame(frame);
      draw();
    };
    const events = ["play", "pause", "seeking", "seeked", "timeupdate"];
    for (const event of events) video.addEventListener(event, restart);
    restart();
    return () => {
      cancelAnimationFrame(frame);
      for (const event of events) video.removeEventListener(event, restart);
    };
  }, [video, bar, durationS]);
}
