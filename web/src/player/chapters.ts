/** The parts of a video on its time line. Pure. */
import type { Chapter } from "../api/types";

export interface Span {
  title: string;
  startS: number;
  endS: number;
}

/** In order, each up to the next; what begins at or after the end is left out. */
export function spansOf(chapters: Chapter[], durationS: number): Span[] {
  const starts = chapters
    .map(({ title, start_ms: startMs }) => ({ title, startS: startMs / 1000 }))
    .filter(({ startS }) => startS >= 0 && startS < durationS)
    .toSorted((a, b) => a.startS - b.startS);
  return starts.map((start, index) => ({ ...start, endS: starts[index + 1]?.startS ?? durationS }));
}

export function spanAt(spans: Span[], positionS: number): Span | null {
  return spans.findLast(({ startS }) => startS <= positionS) ?? null;
}
