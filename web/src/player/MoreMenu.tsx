import { setRate, togglePictureInPicture } from "./controls";
import { MenuButton } from "./MenuButton";
import { MenuSwitch } from "./MenuSwitch";
import { SoundChoices } from "./SoundChoices";
import { SpeedChoices } from "./SpeedChoices";
import type { useEngine } from "./useEngine";
import type { MediaState } from "./useMediaState";

interface MoreMenuProps {
  video: HTMLVideoElement;
  media: MediaState;
  engine: ReturnType<typeof useEngine>;
  loop: boolean;
  onLoop: () => void;
}

/** What has a button of its own on a wide picture, for a narrow one. */
export function MoreMenu({ video, media, engine, loop, onLoop }: MoreMenuProps) {
  return (
    <MenuButton name="More" icon="more">
      {(close) => (
        <>
          <MenuSwitch label="Loop" on={loop} onPress={onLoop} />
          {document.pictureInPictureEnabled && (
            <MenuSwitch
              label="Picture in picture"
              on={media.floating}
              onPress={() => {
                void togglePictureInPicture(video).catch(() => undefined);
                close();
              }}
            />
          )}
          <SoundChoices
            state={engine.state}
            onChoose={(sound) => {
              engine.chooseSound(sound);
              close();
            }}
          />
          <SpeedChoices
            rate={media.rate}
            onChoose={(rate) => {
              setRate(video, rate);
              close();
            }}
          />
        </>
      )}
    </MenuButton>
  );
}
