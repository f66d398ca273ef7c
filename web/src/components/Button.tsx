import type { ButtonHTMLAttributes, ReactNode } from "react";
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

interface ButtonLinkProps {
  look?: Look;
  to: string;
  onClick?: () => void;
  children: ReactNode;
}

export function ButtonLink({ look = "plain", to, onClick, children }: ButtonLinkProps) {
  return (
    <Link to={to} {...(onClick ? { onClick } : {})} className={`${styles.button} ${styles[look]}`}>
      {children}
    </Link>
  );
}
