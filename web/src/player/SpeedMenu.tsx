import { MenuButton } from "./MenuButton";
import { SpeedChoices } from "./SpeedChoices";

export function SpeedMenu({ rate, onChoose }: { rate: number; onChoose: (rate: number) => void }) {
  return (
    <MenuButton name="Speed" icon="speed" shown={`${rate}×`}>
      {(close) => (
        <SpeedChoices
          rate={rate}
          onChoose={(chosen) => {
            onChoose(chosen);
            close();
          }}
        />
      )}
    </MenuButton>
  );
}
