import { useEffect, useRef, useState } from "react";
import { logout } from "../api/auth";
import type { User } from "../api/types";
import { Link, navigate } from "../lib/router";
import styles from "./AccountMenu.module.css";
import { Avatar } from "./Avatar";

export function AccountMenu({ user }: { user: User }) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open]);

  async function leave() {
    setOpen(false);
    await logout();
    navigate("/");
  }

  return (
    <div
      ref={root}
      className={styles.root}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        setOpen(false);
        root.current?.querySelector("button")?.focus();
      }}
    >
      <button
        type="button"
        className={styles.button}
        aria-expanded={open}
        aria-label={`Account of ${user.display_name}`}
        onClick={() => setOpen(!open)}
      >
        <Avatar name={user.display_name} size={34} />
      </button>
      {open && (
        <div className={styles.panel}>
          <p className={styles.who}>
            <strong>{user.display_name}</strong>
            <span>@{user.username}</span>
          </p>
          <Link to={`/channel/${user.channel_id}`} onClick={() => setOpen(false)}>
            Your channel
          </Link>
          <Link to="/account" onClick={() => setOpen(false)}>
            Account
          </Link>
          <button type="button" onClick={() => void leave()}>
            Sign out
          </button>
        </div>
      )}
    </div>
  );
}
