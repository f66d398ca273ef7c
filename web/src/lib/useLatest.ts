import { useLayoutEffect, useRef, type RefObject } from "react";

/** The newest value behind a stable reference, for listeners that are set up once. */
export function useLatest<T>(value: T): RefObject<T> {
  const ref = useRef(value);
  useLayoutEffect(() => {
    ref.current = value;
  });
  return ref;
}
