import { useState } from "react";
import { Icon } from "./Icon";
import styles from "./PosterImage.module.css";

/** A poster, or a quiet stand-in while there is none. */
export function PosterImage({ url }: { url: string | null }) {
  const [broken, setBroken] = useState(false);
  if (!url || broken) {
    return (
      <span className={styles.none}>
        <Icon name="film" size={34} />
      </span>
    );
  }
  return <img className={styles.poster} src={url} alt="" loading="lazy" onError={() => setBroken(true)} />;
}
