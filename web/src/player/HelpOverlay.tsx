import { useEffect, useRef } from "react";
import { Icon } from "../components/Icon";
import styles from "./HelpOverlay.module.css";
import { shortcuts } from "./shortcuts";

export function HelpOverlay({ onClose }: { onClose: () => void }) {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    close.current?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <div
      className={styles.overlay}
      role="dialog"
      aria-label="Keyboard shortcuts"
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
      }}
    >
      <div className={styles.head}>
        <h2>Keyboard shortcuts</h2>
        <button ref={close} type="button" onClick={onClose} aria-label="Close the help">
          <Icon name="close" />
        </button>
      </div>
      <dl className={styles.list}>
        {shortcuts.map(({ does, shown }) => (
          <div key={does}>
            <dt>
              {shown.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
