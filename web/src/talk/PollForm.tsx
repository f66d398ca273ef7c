import { useState } from "react";
import { openPoll } from "../api/chat";
import { Button } from "../components/Button";
import { randomId } from "../lib/randomId";
import styles from "./ModeratorBar.module.css";

const optionsMost = 10;

/** A question to the room. */
export function PollForm({ videoId, onOpened }: { videoId: string; onOpened: () => void }) {
  const [question, setQuestion] = useState("");
  const [options, setOptions] = useState(["", ""]);
  const [key] = useState(randomId);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const filled = options.map((option) => option.trim()).filter(Boolean);
  const ready = question.trim() !== "" && filled.length >= 2;

  async function open() {
    if (!ready || busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await openPoll(videoId, question.trim(), filled, key);
      onOpened();
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
        void open();
      }}
    >
      <input aria-label="Question" placeholder="Question" maxLength={200} value={question} onChange={(event) => setQuestion(event.target.value)} />
      {options.map((option, index) => (
        <input
          key={index}
          aria-label={`Option ${index + 1}`}
          placeholder={`Option ${index + 1}`}
          maxLength={80}
          value={option}
          onChange={(event) => setOptions(options.with(index, event.target.value))}
        />
      ))}
      {problem && <p role="alert">{problem}</p>}
      <div className={styles.actions}>
        <Button look="quiet" disabled={options.length >= optionsMost} onClick={() => setOptions([...options, ""])}>
          Another option
        </Button>
        <Button type="submit" look="primary" disabled={!ready} busy={busy}>
          Ask
        </Button>
      </div>
    </form>
  );
}
