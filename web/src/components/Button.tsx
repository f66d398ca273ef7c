import type { ButtonHTMLAttributes } from "react";
import { Link } from "../lib/router";
import styles from "./Button.module.css";

type Look = "primary" | "plain" | "quiet" | "danger";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { look?: Look; busy?: boolean };

export function Button({ look = "plain", busy = false, disabled, className, type, ...rest }: ButtonProps) {
  return (
    <button
      {...rest}
      type={type ?? "button"}
      aria-busy={busy || undefined}
      disabled={disabled || busy}
      className={`${styles.button} ${styles[look]} ${className ?? ""}`}
    />
  );
}

export function ButtonLink({ look = "plain", to, children }: { look?: Look; to: string; children: React.ReactNode }) {
  return (
    <Link to={to} className={`${styles.button} ${styles[look]}`}>
      {children}
    </Link>
  );
}
