/** A button that opens a small menu of choices above it; arrows move, Escape closes, focus returns. */
import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { Icon, type IconName } from "../components/Icon";
import styles from "./MenuButton.module.css";

export interface Choice<T> {
  value: T;
  label: string;
  note?: string;
}

interface MenuButtonProps<T> {
  name: string;
  icon: IconName;
  shown: string;
  choices: Choice<T>[];
  chosen: T;
  onChoose: (value: T) => void;
}

export function MenuButton<T>({ name, icon, shown, choices, chosen, onChoose }: MenuButtonProps<T>) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const menuId = useId();

  useEffect(() => {
    if (!open) return;
    menu.current?.querySelector<HTMLElement>("[aria-checked=true]")?.focus();
    const outside = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);

  function close() {
    setOpen(false);
    root.current?.querySelector("button")?.focus();
  }

  function move(event: KeyboardEvent) {
    const items = [...(menu.current?.querySelectorAll<HTMLElement>("[role=menuitemradio]") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const target = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") close();
    if (target !== undefined) items.at(target % items.length)?.focus();
    if (target !== undefined || event.key === "Escape") event.preventDefault();
  }

  return (
    <div ref={root} className={styles.root}>
      <button
        type="button"
        className={styles.button}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? menuId : undefined}
        aria-label={`${name}: ${shown}`}
        title={name}
        onClick={() => setOpen(!open)}
      >
        <Icon name={icon} size={20} />
        <span>{shown}</span>
      </button>
      {open && (
        <div ref={menu} id={menuId} className={styles.menu} role="menu" aria-label={name} tabIndex={-1} onKeyDown={move}>
          <p className={styles.title}>{name}</p>
          {choices.map(({ value, label, note }) => (
            <button
              key={label}
              type="button"
              role="menuitemradio"
              aria-checked={value === chosen}
              tabIndex={-1}
              onClick={() => {
                onChoose(value);
                close();
              }}
            >
              <span className={styles.mark}>{value === chosen && <Icon name="check" size={16} />}</span>
              {label}
              {note && <small>{note}</small>}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
