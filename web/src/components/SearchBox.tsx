import { useState, type SubmitEvent } from "react";
import { navigate, usePath, useSearch } from "../lib/router";
import { Icon } from "./Icon";
import styles from "./SearchBox.module.css";

/** In the header of every page. On the page of results it holds what was asked for. */
export function SearchBox() {
  const search = useSearch();
  const asked = usePath() === "/search" ? (search.get("q") ?? "") : "";
  return <Box key={asked} asked={asked} />;
}

function Box({ asked }: { asked: string }) {
  const [words, setWords] = useState(asked);

  function submit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    if (words.trim()) navigate(`/search?${new URLSearchParams({ q: words.trim() })}`);
  }

  return (
    <form role="search" className={styles.box} onSubmit={submit}>
      <input
        type="search"
        aria-label="Search videos"
        placeholder="Search"
        maxLength={500}
        value={words}
        onChange={(event) => setWords(event.target.value)}
      />
      <button type="submit" aria-label="Search">
        <Icon name="search" size={19} />
      </button>
    </form>
  );
}
