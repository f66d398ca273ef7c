import { useEffect, useRef, type RefObject } from "react";

/** After going to another page the focus starts at its content, as it would after a full load. */
export function useRouteFocus(main: RefObject<HTMLElement | null>, path: string): void {
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    main.current?.focus({ preventScroll: true });
  }, [main, path]);
}
