import { useEffect, useState } from "react";
import { Icon } from "../components/Icon";
import { formatClock } from "../lib/time";
import styles from "./ResumeNote.module.css";

interface ResumeNoteProps {
  positionS: number;
  onStartOver: () => void;
}

const shownMs = 9_000;

/** Says that the video went on where it was left, with the way back to its beginning. Goes away by itself. */
export function ResumeNote({ positionS, onStartOver }: ResumeNoteProps) {
  const [shown, setShown] = useState(true);
  useEffect(() => {
    const timer = setTimeout(() => setShown(false), shownMs);
    return () => clearTimeout(timer);
  }, []);
  if (!shown) return null;
  return (
    <p className={styles.note} role="status" data-testid="resumed">
      <span>Resumed at {formatClock(positionS * 1000)}</span>
      <button
        type="button"
        onClick={() => {
          setShown(false);
          onStartOver();
        }}
      >
        Start over
      </button>
      <button type="button" className={styles.close} aria-label="Close the note" onClick={() => setShown(false)}>
        <Icon name="close" size={16} />
      </button>
    </p>
  );
}
