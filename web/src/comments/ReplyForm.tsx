import { useState } from "react";
import { Button } from "../components/Button";
import { charactersIn } from "../lib/characters";
import { CommentBox } from "./CommentBox";
import styles from "./ReplyForm.module.css";

interface ReplyFormProps {
  to: string;
  lengthMax: number;
  onSend: (text: string) => void;
  onClose: () => void;
}

export function ReplyForm({ to, lengthMax, onSend, onClose }: ReplyFormProps) {
  const [text, setText] = useState("");
  const sendable = text.trim() !== "" && charactersIn(text) <= lengthMax;

  function send() {
    if (sendable) onSend(text.trim());
  }

  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <CommentBox label={`Reply to ${to}`} text={text} lengthMax={lengthMax} focused onText={setText} onSubmit={send} onEscape={onClose} />
      <div className={styles.actions}>
        <Button look="quiet" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" look="primary" disabled={!sendable}>
          Reply
        </Button>
      </div>
    </form>
  );
}
