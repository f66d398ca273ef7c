import type { EngineState } from "./engine";
import { MenuChoices } from "./MenuChoices";
import type { Sound } from "./sounds";

export interface SoundChoicesProps {
  state: EngineState;
  onChoose: (sound: Sound) => void;
}

/** The sounds of a video by name, where there is more than one. */
export function SoundChoices({ state: { sounds, sound }, onChoose }: SoundChoicesProps) {
  if (sounds.length < 2) return null;
  const choices = sounds.map(({ index, name }) => ({ value: index, label: name }));
  return (
    <MenuChoices
      title="Audio"
      choices={choices}
      chosen={sound?.index ?? -1}
      onChoose={(index) => {
        const chosen = sounds[index];
        if (chosen) onChoose(chosen);
      }}
    />
  );
}
