//! Pictures as plain RGB: shrinking them to tiles, judging which would make a good poster, writing JPEG.
//! Knows no decoder; the worker hands it pixels. Written anew from pixels, so nothing a camera put into the
//! file (place, owner) reaches a viewer.

use jpeg_encoder::{ColorType, Encoder};

use super::thumbnails::Thumbnails;

const POSTER_QUALITY: u8 = 82;
const SPRITE_QUALITY: u8 = 75;

pub struct Picture {
    width: usize,
    height: usize,
    /// Three bytes a pixel, rows without padding.
    rgb: Vec<u8>,
}

impl Picture {
    /// None when the bytes are not those of such a picture.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Option<Self> {
        (width > 0 && height > 0 && rgb.len() == width * height * 3).then_some(Self { width, height, rgb })
    }

    fn black(width: usize, height: usize) -> Self {
        Self { width, height, rgb: vec![0; width * height * 3] }
    }

    /// Loudness from left to right as bars around the middle, one the loudest of all that falls into it.
    pub fn waveform(peaks: &[u8]) -> Self {
        const BACKGROUND: [u8; 3] = [18, 20, 28];
        const BAR: [u8; 3] = [120, 170, 255];
        const BARS: usize = 160;
        let (width, height) = (1280, 720);
        let (bar_width, middle) = (width / BARS, height / 2);
        let mut picture = Self { width, height, rgb: BACKGROUND.repeat(width * height) };
        let loudest = usize::from(peaks.iter().copied().max().unwrap_or(0).max(1));
        for bar in 0..BARS {
            let (from, to) = (bar * peaks.len() / BARS, ((bar + 1) * peaks.len()).div_ceil(BARS));
            let peak = usize::from(peaks[from..to].iter().copied().max().unwrap_or(0));
            let half = 2 + (middle - height / 8) * peak / loudest;
            for y in middle - half..middle + half {
                for x in bar * bar_width + 1..(bar + 1) * bar_width - 1 {
                    picture.rgb[(y * width + x) * 3..][..3].copy_from_slice(&BAR);
                }
            }
        }
        picture
    }

    /// As a JPEG of a poster's quality.
    pub fn poster(&self) -> Option<Vec<u8>> {
        self.jpeg(POSTER_QUALITY)
    }

    /// Into a tile of this size, whole, with black beside it where the shapes differ.
    fn tile(&self, width: usize, height: usize) -> Self {
        let mut tile = Self::black(width, height);
        let wide = self.width * height > self.height * width;
        let (inner_width, inner_height) = if wide {
            (width, (self.height * width / self.width).max(1))
        } else {
            ((self.width * height / self.height).max(1), height)
        };
        let (left, top) = ((width - inner_width) / 2, (height - inner_height) / 2);
        for y in 0..inner_height {
            for x in 0..inner_width {
                let colour = self.mean(x, y, inner_width, inner_height);
                let at = ((top + y) * width + left + x) * 3;
                tile.rgb[at..at + 3].copy_from_slice(&colour);
            }
        }
        tile
    }

    /// The mean of all pixels that fall into one of a smaller picture.
    fn mean(&self, x: usize, y: usize, width: usize, height: usize) -> [u8; 3] {
        let (left, right) = (x * self.width / width, ((x + 1) * self.width).div_ceil(width));
        let (top, bottom) = (y * self.height / height, ((y + 1) * self.height).div_ceil(height));
        let mut sums = [0_usize; 3];
        for row in top..bottom {
            let start = (row * self.width + left) * 3;
            for pixel in self.rgb[start..start + (right - left) * 3].chunks_exact(3) {
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += usize::from(*value));
            }
        }
        let count = (right - left) * (bottom - top);
        #[expect(clippy::cast_possible_truncation, reason = "a mean of bytes is a byte")]
        sums.map(|sum| (sum / count) as u8)
    }

    fn luma(&self) -> Vec<f64> {
        let weigh = |pixel: &[u8]| {
            0.299 * f64::from(pixel[0]) + 0.587 * f64::from(pixel[1]) + 0.114 * f64::from(pixel[2])
        };
        self.rgb.chunks_exact(3).map(weigh).collect()
    }

    /// How much there is to see: variety of brightness, times sharpness, times a good exposure.
    fn score(&self) -> f64 {
        let luma = self.luma();
        entropy(&luma) * (1.0 + self.sharpness(&luma)).ln() * exposure(&luma)
    }

    /// Mean absolute Laplacian.
    fn sharpness(&self, luma: &[f64]) -> f64 {
        let mut sum = 0.0;
        for y in 1..self.height.saturating_sub(1) {
            for x in 1..self.width.saturating_sub(1) {
                let at = y * self.width + x;
                let around = luma[at - 1] + luma[at + 1] + luma[at - self.width] + luma[at + self.width];
                sum += (4.0 * luma[at] - around).abs();
            }
        }
        sum / luma.len() as f64
    }

    fn jpeg(&self, quality: u8) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let (width, height) = (u16::try_from(self.width).ok()?, u16::try_from(self.height).ok()?);
        Encoder::new(&mut bytes, quality).encode(&self.rgb, width, height, ColorType::Rgb).ok()?;
        Some(bytes)
    }
}

fn entropy(luma: &[f64]) -> f64 {
    let mut counts = [0_u32; 64];
    for value in luma {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "luma is 0 to 255")]
        let bin = (*value / 4.0) as usize;
        counts[bin.min(63)] += 1;
    }
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / luma.len() as f64);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

/// One for a mean in the middle, falling to nothing for black and white.
fn exposure(luma: &[f64]) -> f64 {
    let mean = luma.iter().sum::<f64>() / luma.len() as f64 / 255.0;
    (4.0 * mean * (1.0 - mean)).clamp(0.0, 1.0)
}

/// Parts of a video of which each gives the best picture it has.
const CANDIDATES: usize = 4;

/// The sprite while it fills, and the best picture so far of each part.
pub struct Sheet {
    thumbnails: Thumbnails,
    reserved: Vec<Slot>,
    tiles: Vec<Option<Picture>>,
    best: [Option<Scored>; CANDIDATES],
}

struct Scored {
    score: f64,
    at_ms: u64,
    picture: Picture,
}

/// A sheet's pictures as JPEG.
pub struct Pictures {
    /// With their times, the best first.
    pub candidates: Vec<(u64, Vec<u8>)>,
    pub sprite: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Free,
    Reserved,
}

impl Sheet {
    pub fn new(thumbnails: Thumbnails) -> Self {
        let tiles = thumbnails.tiles as usize;
        Self {
            thumbnails,
            reserved: vec![Slot::Free; tiles],
            tiles: std::iter::repeat_with(|| None).take(tiles).collect(),
            best: [const { None }; CANDIDATES],
        }
    }

    fn slot(&self, at_ms: u64) -> usize {
        let slot = usize::try_from(at_ms / self.thumbnails.interval_ms).unwrap_or(usize::MAX);
        slot.min(self.tiles.len() - 1)
    }

    fn part(&self, at_ms: u64) -> usize {
        let whole_ms = self.thumbnails.duration_ms.max(1);
        usize::try_from(at_ms * CANDIDATES as u64 / whole_ms).unwrap_or(usize::MAX).min(CANDIDATES - 1)
    }

    /// Whether a picture of this time is wanted; the first of an interval is.
    pub fn reserve(&mut self, at_ms: u64) -> bool {
        let slot = self.slot(at_ms);
        std::mem::replace(&mut self.reserved[slot], Slot::Reserved) == Slot::Free
    }

    pub fn take(&mut self, at_ms: u64, picture: Picture) {
        let (width, height) = (self.thumbnails.tile_width as usize, self.thumbnails.tile_height as usize);
        let tile = picture.tile(width, height);
        let score = tile.score();
        let part = self.part(at_ms);
        let best = &mut self.best[part];
        if best.as_ref().is_none_or(|best| score > best.score) {
            *best = Some(Scored { score, at_ms, picture });
        }
        let slot = self.slot(at_ms);
        self.tiles[slot] = Some(tile);
    }

    /// Whether every tile shows its own interval or at most the one before it.
    pub fn is_dense(&self) -> bool {
        let longest = self.tiles.chunk_by(|_, next| next.is_none()).map(<[_]>::len).max().unwrap_or(0);
        self.tiles.first().is_some_and(Option::is_some) && longest <= 2
    }

    /// `None` without a single picture. Empty tiles show the picture before them.
    pub fn finish(mut self) -> Option<Pictures> {
        let mut best: Vec<Scored> = self.best.iter_mut().filter_map(Option::take).collect();
        best.sort_by(|one, other| other.score.total_cmp(&one.score));
        let jpeg = |scored: &Scored| Some((scored.at_ms, scored.picture.jpeg(POSTER_QUALITY)?));
        let candidates = best.iter().map(jpeg).collect::<Option<Vec<_>>>()?;
        let columns = (self.thumbnails.columns.min(self.thumbnails.tiles)) as usize;
        let (width, height) = (self.thumbnails.tile_width as usize, self.thumbnails.tile_height as usize);
        let mut sprite = Picture::black(columns * width, self.thumbnails.rows() as usize * height);
        let mut shown = self.tiles.iter().flatten().next()?;
        for (at, tile) in (0..).zip(&self.tiles) {
            shown = tile.as_ref().unwrap_or(shown);
            let (left, top) = self.thumbnails.origin_of(at);
            sprite.paste(shown, left as usize, top as usize);
        }
        Some(Pictures { candidates, sprite: sprite.jpeg(SPRITE_QUALITY)? })
    }
}

impl Picture {
    fn paste(&mut self, other: &Self, left: usize, top: usize) {
        for (row, pixels) in other.rgb.chunks_exact(other.width * 3).enumerate() {
            let start = ((top + row) * self.width + left) * 3;
            self.rgb[start..start + pixels.len()].copy_from_slice(pixels);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(value: u8) -> Picture {
        Picture::new(32, 18, vec![value; 32 * 18 * 3]).unwrap()
    }

    fn checked() -> Picture {
        let pixel = |at: usize| if (at / 2).is_multiple_of(2) { [230, 120, 40] } else { [10, 60, 90] };
        Picture::new(32, 18, (0..32 * 18).flat_map(pixel).collect()).unwrap()
    }

    #[test]
    fn a_picture_with_something_in_it_beats_black_white_and_grey() {
        for dull in [grey(0), grey(128), grey(255)] {
            assert!(checked().score() > dull.score());
        }
    }

    #[test]
    fn a_waveform_is_high_where_it_is_loud() {
        let peaks: Vec<u8> = (0..1600).map(|at| if at < 800 { 20 } else { 200 }).collect();
        let picture = Picture::waveform(&peaks);
        let bar = |x: usize| (0..720).filter(|y| picture.rgb[(y * 1280 + x) * 3] == 120).count();
        assert!(bar(900) > 5 * bar(300) && bar(300) > 4, "{} and {}", bar(300), bar(900));
        for few in [&[][..], &[0], &[255; 3]] {
            assert!(Picture::waveform(few).poster().is_some());
        }
    }

    #[test]
    fn an_upright_picture_stands_between_black_bars_in_its_tile() {
        let tile = Picture::new(9, 16, vec![200; 9 * 16 * 3]).unwrap().tile(160, 90);
        let at = |x: usize, y: usize| tile.rgb[(y * 160 + x) * 3];
        assert_eq!((at(0, 45), at(80, 45), at(159, 45)), (0, 200, 0));
    }

    #[test]
    fn a_tile_without_a_picture_shows_the_one_before_it() {
        let mut sheet = Sheet::new(Thumbnails::for_duration(3000));
        assert!(sheet.reserve(100) && !sheet.reserve(900) && sheet.reserve(2500));
        sheet.take(100, grey(50));
        sheet.take(2500, checked());
        assert!(sheet.is_dense());
        let Pictures { candidates, sprite } = sheet.finish().unwrap();
        let times: Vec<u64> = candidates.iter().map(|(at_ms, _)| *at_ms).collect();
        assert_eq!(times, [2500, 100], "the checked picture is better than the grey one");
        assert!(candidates.iter().all(|(_, jpeg)| jpeg.starts_with(&[0xff, 0xd8])));
        assert!(sprite.starts_with(&[0xff, 0xd8]));
    }

    #[test]
    fn a_sheet_of_one_keyframe_is_not_dense() {
        let mut sheet = Sheet::new(Thumbnails::for_duration(8000));
        sheet.take(0, grey(9));
        assert!(!sheet.is_dense());
    }
}
