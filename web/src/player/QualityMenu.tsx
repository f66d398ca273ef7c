import { formatBitrate } from "../lib/numbers";
import type { Video } from "../api/types";
import type { EngineState } from "./engine";
import { MenuButton } from "./MenuButton";
import { MenuChoices, type Choice } from "./MenuChoices";

interface QualityMenuProps {
  state: EngineState;
  sourceRange: Video["source_range"];
  onChoose: (height: number | null) => void;
}

/** The qualities there are, and which of them plays while the player chooses by itself. */
export function QualityMenu({ state: { qualities, chosen, current }, sourceRange, onChoose }: QualityMenuProps) {
  if (qualities.length === 0) return null;
  const choices: Choice<number | null>[] = [
    { value: null, label: "Auto", note: chosen === null && current ? `plays ${current.label}` : "as the line allows" },
    ...qualities.map(({ height, label, bitrateBps }) => ({ value: height, label, note: formatBitrate(bitrateBps) })),
  ];
  return (
    <MenuButton
      name="Quality"
      icon="quality"
      shown={chosen?.label ?? "Auto"}
      shownWide={chosen === null ? current?.label : undefined}
    >
      {(close) => (
        <MenuChoices
          title={sourceRange === "high" ? "Quality (HDR shown as SDR)" : "Quality"}
          choices={choices}
          chosen={chosen?.height ?? null}
          onChoose={(height) => {
            onChoose(height);
            close();
          }}
        />
      )}
    </MenuButton>
  );
}
