import { formatClock } from "../lib/time";
import styles from "./SeekPreview.module.css";
import { tileAt, type Tile } from "./sprite";

interface SeekPreviewProps {
  tiles: Tile[];
  /** Of the chapter. */
  title: string | null;
  positionS: number;
  /** Where on the bar, from 0 to 1. */
  share: number;
}

export function SeekPreview({ tiles, title, positionS, share }: SeekPreviewProps) {
  const tile = tileAt(tiles, positionS);
  const half = (tile?.width ?? 60) / 2;
  return (
    <div className={styles.preview} style={{ left: `clamp(${half}px, ${share * 100}%, calc(100% - ${half}px))` }}>
      {tile && (
        <span
          className={styles.tile}
          data-testid="tile"
          style={{
            width: tile.width,
            height: tile.height,
            backgroundImage: `url("${tile.url}")`,
            backgroundPosition: `-${tile.x}px -${tile.y}px`,
          }}
        />
      )}
      {title && <span className={styles.title}>{title}</span>}
      <span className={styles.time}>{formatClock(positionS * 1000)}</span>
    </div>
  );
}
