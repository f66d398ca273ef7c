import { useLayoutEffect, useRef, type KeyboardEvent } from "react";
import { charactersIn } from "../lib/characters";
import styles from "./CommentBox.module.css";

interface CommentBoxProps {
  label: string;
  text: string;
  lengthMax: number;
  focused?: boolean;
  onText: (text: string) => void;
  onSubmit: () => void;
  onEscape?: () => void;
}

/** A field that grows with its text. Enter sends, Shift and Enter begins a new line. */
export function CommentBox({ label, text, lengthMax, focused = false, onText, onSubmit, onEscape }: CommentBoxProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    if (!area.current) return;
    area.current.style.height = "auto";
    area.current.style.height = `${area.current.scrollHeight + 2}px`;
  }, [text]);
  useLayoutEffect(() => {
    if (focused) area.current?.focus();
  }, [focused]);

  function pressed(event: KeyboardEvent) {
    if (event.key === "Escape") onEscape?.();
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    onSubmit();
  }

  const left = lengthMax - charactersIn(text);
  return (
    <div className={styles.box}>
      <textarea
        ref={area}
        rows={1}
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={pressed}
      />
      {left < 100 && (
        <span className={styles.left} data-over={left < 0} role="status">
          {left < 0 ? `${-left} too many` : `${left} left`}
        </span>
      )}
    </div>
  );
}
