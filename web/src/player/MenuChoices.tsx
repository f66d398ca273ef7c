import { Icon } from "../components/Icon";
import styles from "./MenuButton.module.css";

export interface Choice<T> {
  value: T;
  label: string;
  note?: string | undefined;
}

interface MenuChoicesProps<T> {
  title: string;
  choices: Choice<T>[];
  chosen: T;
  onChoose: (value: T) => void;
}

/** One out of several, in a menu. */
export function MenuChoices<T extends string | number | null>({ title, choices, chosen, onChoose }: MenuChoicesProps<T>) {
  return (
    <div role="group" aria-label={title}>
      <p className={styles.title}>{title}</p>
      {choices.map(({ value, label, note }) => (
        <button
          key={value}
          type="button"
          role="menuitemradio"
          aria-checked={value === chosen}
          tabIndex={-1}
          onClick={() => onChoose(value)}
        >
          <span className={styles.mark}>{value === chosen && <Icon name="check" size={16} />}</span>
          <span className={styles.label}>{label}</span>
          {note && <small>{note}</small>}
        </button>
      ))}
    </div>
  );
}
