import styles from "./Avatar.module.css";

interface AvatarProps {
  name: string;
  /** A channel's own colour; a person without one gets a colour made from the name. */
  color?: string;
  size?: number;
}

/** The first letter on a disc. Decoration: the name always stands beside it. */
export function Avatar({ name, color, size = 36 }: AvatarProps) {
  const ground = color ?? `oklch(0.45 0.09 ${hueOf(name)})`;
  return (
    <span
      className={styles.avatar}
      style={{ width: size, height: size, fontSize: size * 0.44, background: ground }}
      aria-hidden="true"
    >
      {(name.trim()[0] ?? "?").toUpperCase()}
    </span>
  );
}

function hueOf(name: string): number {
  let hue = 0;
  for (const letter of name) hue = (hue * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  return hue;
}
