import { useState } from "react";
import { Button } from "../components/Button";
import { charactersIn } from "../lib/characters";
import { formatWait } from "../lib/hold";
import { formatClock } from "../lib/time";
import type { Hold } from "../realtime/roomState";
import { useSecondsLeft } from "../talk/useHold";
import { CommentBox } from "./CommentBox";
import styles from "./CommentComposer.module.css";
import { usePositionS } from "./usePositionS";

interface CommentComposerProps {
  media: HTMLVideoElement | null;
  lengthMax: number;
  /** Until when one must wait, and why. */
  hold: Hold | null;
  slowModeS: number;
  onSend: (text: string, atMs: number | null) => void;
}

export function CommentComposer({ media, lengthMax, hold, slowModeS, onSend }: CommentComposerProps) {
  const [text, setText] = useState("");
  const [pinned, setPinned] = useState(false);
  const positionS = usePositionS(media);
  const left = useSecondsLeft(hold?.untilMs ?? null);
  const held = left > 0;
  const sendable = !held && text.trim() !== "" && charactersIn(text) <= lengthMax;

  function send() {
    if (!sendable) return;
    onSend(text.trim(), pinned && media ? Math.floor(media.currentTime * 1000) : null);
    setText("");
  }

  return (
    <form
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <CommentBox label="Write a comment" text={text} lengthMax={lengthMax} onText={setText} onSubmit={send} />
      <div className={styles.row}>
        <label className={styles.pin}>
          <input type="checkbox" checked={pinned} disabled={!media} onChange={(event) => setPinned(event.target.checked)} />
          <span>
            at <span className="tabular">{formatClock(positionS * 1000)}</span>
          </span>
        </label>
        <Button type="submit" look="primary" disabled={!sendable}>
          {held && hold?.why === "slow" ? <span className="tabular">Wait {formatWait(left)}</span> : "Comment"}
        </Button>
      </div>
      {(held || slowModeS > 0) && (
        <p className={styles.rule} role="status" data-testid="hold">
          {held && hold?.why === "silenced"
            ? `A moderator has silenced you here for ${formatWait(left)}.`
            : `Slow mode: one comment every ${formatWait(slowModeS)}.`}
        </p>
      )}
    </form>
  );
}
