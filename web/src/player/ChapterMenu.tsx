import { formatClock } from "../lib/time";
import { spanAt, type Span } from "./chapters";
import { MenuButton } from "./MenuButton";
import { MenuChoices } from "./MenuChoices";

interface ChapterMenuProps {
  spans: Span[];
  positionS: number;
  onSeek: (positionS: number) => void;
}

/** The name of the chapter that plays; pressed, all of them. */
export function ChapterMenu({ spans, positionS, onSeek }: ChapterMenuProps) {
  if (spans.length === 0) return null;
  const current = spanAt(spans, positionS);
  const choices = spans.map(({ startS, title }) => ({ value: startS, label: title, note: formatClock(startS * 1000) }));
  return (
    <MenuButton name="Chapter" icon="list" shown={current?.title ?? "Chapters"} align="left">
      {(close) => (
        <MenuChoices
          title="Chapters"
          choices={choices}
          chosen={current?.startS ?? -1}
          onChoose={(startS) => {
            onSeek(startS);
            close();
          }}
        />
      )}
    </MenuButton>
  );
}
