import { rates } from "./controls";
import { MenuChoices } from "./MenuChoices";

export function SpeedChoices({ rate, onChoose }: { rate: number; onChoose: (rate: number) => void }) {
  const choices = rates.map((value) => ({ value, label: value === 1 ? "Normal" : `${value}×` }));
  return <MenuChoices title="Speed" choices={choices} chosen={rate} onChoose={onChoose} />;
}
