/** A button that opens a small menu above it; arrows move, Escape closes, focus returns. */
import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { Icon, type IconName } from "../components/Icon";
import styles from "./MenuButton.module.css";

interface MenuButtonProps {
  name: string;
  icon: IconName;
  /** What is chosen, in a word. Without it the button is its icon. */
  shown?: string;
  /** More of that, where there is room. */
  shownWide?: string | undefined;
  /** On which side of the button the menu begins. */
  align?: "left" | "right";
  pressed?: boolean;
  /** The items; `close` after a choice. */
  children: (close: () => void) => ReactNode;
}

export function MenuButton({ name, icon, shown, shownWide, align = "right", pressed, children }: MenuButtonProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const menuId = useId();

  useEffect(() => {
    if (!open) return;
    const items = itemsOf(menu.current);
    // A menu of one choice opens at what is chosen, a mixed one at its top.
    const choice = items[0]?.getAttribute("role") === "menuitemradio";
    ((choice && items.find((item) => item.getAttribute("aria-checked") === "true")) || items[0])?.focus();
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
    const items = itemsOf(menu.current);
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
        aria-label={shown ? `${name}: ${[shown, shownWide].filter(Boolean).join(" ")}` : name}
        title={name}
        data-pressed={pressed}
        data-worded={shown !== undefined}
        onClick={() => setOpen(!open)}
      >
        <Icon name={icon} size={shown ? 20 : 22} />
        {shown && <span className={styles.label}>{shown}</span>}
        {shownWide && <span className={styles.more}>{shownWide}</span>}
      </button>
      {open && (
        <div
          ref={menu}
          id={menuId}
          className={styles.menu}
          data-align={align}
          role="menu"
          aria-label={name}
          tabIndex={-1}
          onKeyDown={move}
        >
          {children(close)}
        </div>
      )}
    </div>
  );
}

function itemsOf(menu: HTMLElement | null): HTMLElement[] {
  return [...(menu?.querySelectorAll<HTMLElement>("[role^=menuitem]") ?? [])];
}
