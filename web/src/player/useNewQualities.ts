import { useEffect, useRef } from "react";
import type { useEngine } from "./useEngine";

/** Has the master playlist read again, once, when a quality is complete that it did not list. */
export function useNewQualities(heights: number[], { state, refresh }: ReturnType<typeof useEngine>): void {
  const looked = useRef("");
  const wanted = heights.toSorted((a, b) => a - b).join();
  const { qualities } = state;

  useEffect(() => {
    const listed = new Set(qualities.map(({ height }) => height));
    const missing = wanted.split(",").filter((height) => height !== "" && !listed.has(Number(height)));
    if (listed.size === 0 || missing.length === 0 || looked.current === wanted) return;
    looked.current = wanted;
    refresh();
  }, [wanted, qualities, refresh]);
}
