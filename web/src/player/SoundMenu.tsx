import { MenuButton } from "./MenuButton";
import { SoundChoices, type SoundChoicesProps } from "./SoundChoices";

export function SoundMenu({ state, onChoose }: SoundChoicesProps) {
  if (state.sounds.length < 2) return null;
  return (
    <MenuButton name="Audio" icon="sounds">
      {(close) => (
        <SoundChoices
          state={state}
          onChoose={(sound) => {
            onChoose(sound);
            close();
          }}
        />
      )}
    </MenuButton>
  );
}
