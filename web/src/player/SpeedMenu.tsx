import { rates } from "./controls";
import { MenuButton } from "./MenuButton";

export function SpeedMenu({ rate, onChoose }: { rate: number; onChoose: (rate: number) => void }) {
  const choices = rates.map((value) => ({ value, label: value === 1 ? "Normal" : `${value}×` }));
  return <MenuButton name="Speed" icon="speed" shown={`${rate}×`} choices={choices} chosen={rate} onChoose={onChoose} />;
}
