import { useEffect, useState } from "react";
import { parseTiles, type Tile } from "./sprite";

/** The preview tiles of a video; none where it has none (yet). */
export function useTiles(vttUrl: string | null): Tile[] {
  const [tiles, setTiles] = useState<Tile[]>([]);
  useEffect(() => {
    if (!vttUrl) return;
    const abort = new AbortController();
    const url = new URL(vttUrl, location.href).href;
    fetch(url, { signal: abort.signal })
      .then((response) => (response.ok ? response.text() : ""))
      .then((text) => setTiles(parseTiles(text, url)))
      .catch(() => undefined);
    return () => abort.abort();
  }, [vttUrl]);
  return tiles;
}
