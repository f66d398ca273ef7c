import { useCallback, useEffect, useRef, useState, type RefObject } from "react";

const nearTopPx = 60;

/** Counts the threads that arrive above what one is reading. */
export function useUnseen(list: RefObject<HTMLElement | null>, newestId: string | null, threads: number) {
  const [count, setCount] = useState(0);
  const before = useRef({ newestId, threads });

  useEffect(() => {
    const { newestId: oldId, threads: oldThreads } = before.current;
    before.current = { newestId, threads };
    const away = (list.current?.scrollTop ?? 0) > nearTopPx;
    if (away && oldId !== null && newestId !== oldId && threads > oldThreads) {
      setCount((known) => known + threads - oldThreads);
    }
  }, [list, newestId, threads]);

  const scrolled = useCallback(() => {
    if ((list.current?.scrollTop ?? 0) <= nearTopPx) setCount(0);
  }, [list]);
  const show = useCallback(() => list.current?.scrollTo({ top: 0, behavior: "smooth" }), [list]);
  return { count, scrolled, show };
}
