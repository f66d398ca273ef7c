import type { Caption } from "../api/types";
import { MenuButton } from "./MenuButton";
import { MenuChoices, type Choice } from "./MenuChoices";

interface CaptionMenuProps {
  captions: Caption[];
  /** A language, or null for none. */
  chosen: string | null;
  onChoose: (language: string | null) => void;
}

export function CaptionMenu({ captions, chosen, onChoose }: CaptionMenuProps) {
  if (captions.length === 0) return null;
  const choices: Choice<string | null>[] = [
    { value: null, label: "Off" },
    ...captions.map(({ language, label, kind }) => ({
      value: language,
      label,
      note: kind === "captions" ? "with sounds" : undefined,
    })),
  ];
  return (
    <MenuButton name="Captions" icon={chosen === null ? "captions" : "captionsOn"} pressed={chosen !== null}>
      {(close) => (
        <MenuChoices
          title="Captions"
          choices={choices}
          chosen={chosen}
          onChoose={(language) => {
            onChoose(language);
            close();
          }}
        />
      )}
    </MenuButton>
  );
}
