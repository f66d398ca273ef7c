/** The time line: what is buffered, where comments are pinned, a preview under the pointer, and where we are. */
import { useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { speakClock } from "../lib/time";
import styles from "./SeekBar.module.css";
import { spanAt, type Span } from "./chapters";
import { SeekPreview } from "./SeekPreview";
import type { Tile } from "./sprite";
import type { MediaState } from "./useMediaState";
import { usePlayhead } from "./usePlayhead";

interface SeekBarProps {
  video: HTMLVideoElement;
  media: MediaState;
  durationS: number;
  tiles: Tile[];
  markersMs: number[];
  spans: Span[];
  onSeek: (positionS: number) => void;
}

const steps: Record<string, number> = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30 };

export function SeekBar({ video, media, durationS, tiles, markersMs, spans, onSeek }: SeekBarProps) {
  const bar = useRef<HTMLDivElement>(null);
  const [hoverS, setHoverS] = useState<number | null>(null);
  const [dragging, setDragging] = useState(false);
  usePlayhead(video, bar, durationS);
  const chapter = spanAt(spans, media.currentS)?.title;
  const share = (positionS: number) => `${durationS > 0 ? Math.min(100, (positionS / durationS) * 100) : 0}%`;

  function positionOf(event: PointerEvent): number {
    const box = bar.current?.getBoundingClientRect();
    if (!box || box.width === 0) return 0;
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * durationS;
  }

  function pressed(event: KeyboardEvent) {
    const step = steps[event.key];
    const target = event.key === "Home" ? 0 : event.key === "End" ? durationS : step && video.currentTime + step;
    if (target === undefined) return;
    event.preventDefault();
    onSeek(target);
  }

  return (
    <div
      ref={bar}
      className={styles.bar}
      role="slider"
      tabIndex={0}
      aria-label="Seek"
      aria-valuemin={0}
      aria-valuemax={Math.round(durationS)}
      aria-valuenow={Math.round(media.currentS)}
      aria-valuetext={[`${speakClock(media.currentS * 1000)} of ${speakClock(durationS * 1000)}`, chapter]
        .filter(Boolean)
        .join(", ")}
      data-dragging={dragging}
      onKeyDown={pressed}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDragging(true);
        onSeek(positionOf(event));
      }}
      onPointerMove={(event) => {
        setHoverS(positionOf(event));
        if (dragging) onSeek(positionOf(event));
      }}
      onPointerUp={() => setDragging(false)}
      onPointerCancel={() => setDragging(false)}
      onPointerLeave={() => setHoverS(null)}
    >
      <div className={styles.track}>
        {media.buffered.map(({ startS, endS }) => (
          <span
            key={startS}
            className={styles.buffered}
            style={{ left: share(startS), width: share(endS - startS) }}
          />
        ))}
        <span className={styles.played} />
        {spans
          .filter(({ startS }) => startS > 0)
          .map(({ startS }) => (
            <span key={startS} className={styles.chapter} style={{ left: share(startS) }} data-testid="chapter-mark" />
          ))}
        {markersMs.map((marker) => (
          <span key={marker} className={styles.marker} style={{ left: share(marker / 1000) }} />
        ))}
      </div>
      <span className={styles.thumb} />
      {hoverS !== null && durationS > 0 && (
        <SeekPreview
          tiles={tiles}
          title={spanAt(spans, hoverS)?.title ?? null}
          positionS={hoverS}
          share={hoverS / durationS}
        />
      )}
    </div>
  );
}
