/** hls.js' audio tracks as the sounds a viewer chooses from, and the choice of last time in another video. */

export interface Sound {
  index: number;
  name: string;
  /** BCP 47, where the file says it. */
  language: string | null;
}

/** What a viewer chose: the same name where there is one, else the same language. */
export type WantedSound = Pick<Sound, "name" | "language">;

interface AudioTrack {
  name: string;
  lang?: string | undefined;
}

export function soundsOf(tracks: readonly AudioTrack[]): Sound[] {
  return tracks.map(({ name, lang }, index) => ({ index, name, language: lang ?? null }));
}

export function soundLike(sounds: readonly Sound[], wanted: WantedSound | null): Sound | null {
  if (!wanted) return null;
  const alike = sounds.filter(({ language }) => language === wanted.language);
  const named = alike.find(({ name }) => name === wanted.name);
  return named ?? (wanted.language === null ? null : (alike[0] ?? null));
}
