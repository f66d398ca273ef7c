import type { EngineState } from "./engine";
import { MenuButton, type Choice } from "./MenuButton";

interface QualityMenuProps {
  state: EngineState;
  onChoose: (height: number | null) => void;
}

export function QualityMenu({ state: { qualities, chosen, current }, onChoose }: QualityMenuProps) {
  if (qualities.length === 0) return null;
  const choices: Choice<number | null>[] = [
    { value: null, label: "Auto", ...(chosen === null && current ? { note: current.label } : {}) },
    ...qualities.map(({ height, label }) => ({ value: height, label })),
  ];
  return (
    <MenuButton
      name="Quality"
      icon="quality"
      shown={(chosen ?? current)?.label ?? "Auto"}
      choices={choices}
      chosen={chosen?.height ?? null}
      onChoose={onChoose}
    />
  );
}
