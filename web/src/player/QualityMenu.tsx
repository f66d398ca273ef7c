import type { EngineState } from "./engine";
import { MenuButton, type Choice } from "./MenuButton";

interface QualityMenuProps {
  state: EngineState;
  onChoose: (height: number | null) => void;
}

export function QualityMenu({ state: { qualities, automatic, current }, onChoose }: QualityMenuProps) {
  if (qualities.length === 0) return null;
  const choices: Choice<number | null>[] = [
    { value: null, label: "Auto", ...(automatic && current ? { note: current.label } : {}) },
    ...qualities.map(({ height, label }) => ({ value: height, label })),
  ];
  const chosen = automatic ? null : (current?.height ?? null);
  const shown = current?.label ?? "Auto";
  return <MenuButton name="Quality" icon="quality" shown={shown} choices={choices} chosen={chosen} onChoose={onChoose} />;
}
