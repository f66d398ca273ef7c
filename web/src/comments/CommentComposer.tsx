import { useState } from "react";
import { Button } from "../components/Button";
import { charactersIn } from "../lib/characters";
import { formatClock } from "../lib/time";
import { CommentBox } from "./CommentBox";
import styles from "./CommentComposer.module.css";
import { usePositionS } from "./usePositionS";

interface CommentComposerProps {
  media: HTMLVideoElement | null;
  lengthMax: number;
  onSend: (text: string, atMs: number | null) => void;
}

export function CommentComposer({ media, lengthMax, onSend }: CommentComposerProps) {
  const [text, setText] = useState("");
  const [pinned, setPinned] = useState(false);
  const positionS = usePositionS(media);
  const sendable = text.trim() !== "" && charactersIn(text) <= lengthMax;

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
          Comment
        </Button>
      </div>
    </form>
  );
}
