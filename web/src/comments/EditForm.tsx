import { useState } from "react";
import { editComment } from "../api/chat";
import type { Comment } from "../api/types";
import { Button } from "../components/Button";
import { charactersIn } from "../lib/characters";
import { CommentBox } from "./CommentBox";
import styles from "./ReplyForm.module.css";

interface EditFormProps {
  comment: Comment;
  lengthMax: number;
  onSaved: (comment: Comment) => void;
  onClose: () => void;
}

/** Other words for a comment of one's own. */
export function EditForm({ comment, lengthMax, onSaved, onClose }: EditFormProps) {
  const [text, setText] = useState(comment.text);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const changed = text.trim() !== "" && text.trim() !== comment.text && charactersIn(text) <= lengthMax;

  async function save() {
    if (!changed || busy) return;
    setBusy(true);
    setProblem(null);
    try {
      onSaved(await editComment(comment.id, text.trim()));
      onClose();
    } catch (error) {
      setProblem((error as Error).message);
      setBusy(false);
    }
  }

  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <CommentBox label="Edit your comment" text={text} lengthMax={lengthMax} focused onText={setText} onSubmit={() => void save()} onEscape={onClose} />
      {problem && <p role="alert">{problem}</p>}
      <div className={styles.actions}>
        <Button look="quiet" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" look="primary" disabled={!changed} busy={busy}>
          Save
        </Button>
      </div>
    </form>
  );
}
