import { expect, it } from "vitest";
import { soundLike, soundsOf } from "./sounds";

const sounds = soundsOf([
  { name: "Deutsch", lang: "de" },
  { name: "English", lang: "en" },
  { name: "English – Commentary", lang: "en" },
  { name: "Track 4" },
]);

it("finds the sound that was chosen, by its name and else by its language", () => {
  const found = (name: string, language: string | null) => soundLike(sounds, { name, language })?.index;
  expect(found("English – Commentary", "en")).toBe(2);
  expect(found("English – For the deaf", "en")).toBe(1);
  expect(found("Track 4", null)).toBe(3);
});

it("leaves the choice to the stream where nothing of the kind is there", () => {
  expect(soundLike(sounds, null)).toBeNull();
  expect(soundLike(sounds, { name: "Français", language: "fr" })).toBeNull();
  expect(soundLike(sounds, { name: "Track 2", language: null })).toBeNull();
});
