/** Reads the WebVTT that says which tile of a sprite sheet shows which seconds. */

export interface Tile {
  startS: number;
  endS: number;
  url: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

const cue = /^((?:\d+:)?\d+:\d+\.\d+)\s+-->\s+((?:\d+:)?\d+:\d+\.\d+)/;
const area = /#xywh=(\d+),(\d+),(\d+),(\d+)$/;

export function parseTiles(text: string, baseUrl: string): Tile[] {
  const tiles: Tile[] = [];
  const lines = text.split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    const times = cue.exec(line);
    const target = lines[index + 1]?.trim() ?? "";
    const box = area.exec(target);
    if (!times || !box) continue;
    const [x = 0, y = 0, width = 0, height = 0] = box.slice(1).map(Number);
    const url = new URL(target.replace(area, ""), baseUrl).href;
    tiles.push({ startS: seconds(times[1] ?? ""), endS: seconds(times[2] ?? ""), url, x, y, width, height });
  }
  return tiles;
}

export function tileAt(tiles: Tile[], positionS: number): Tile | null {
  return tiles.find(({ startS, endS }) => positionS >= startS && positionS < endS) ?? tiles.at(-1) ?? null;
}

function seconds(text: string): number {
  return text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}
