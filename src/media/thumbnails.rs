//! The sprite sheet: how its tiles lie and which times they stand for. Pure; the worker fills it with
//! pictures, the WebVTT renderer names its tiles.

use serde::{Deserialize, Serialize};

pub const TILE_WIDTH: u32 = 160;
pub const TILE_HEIGHT: u32 = 90;
pub const COLUMNS: u32 = 10;
const TILES_MAX: u64 = 100;
const INTERVAL_MIN_MS: u64 = 1000;
const INTERVAL_STEP_MS: u64 = 500;

/// One sheet of tiles, row by row, each standing for `interval_ms` of the video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnails {
    pub interval_ms: u64,
    pub tiles: u32,
    pub tile_width: u32,
    pub tile_height: u32,
    pub columns: u32,
    pub duration_ms: u64,
}

impl Thumbnails {
    /// At most a hundred tiles, at least a second apart.
    pub fn for_duration(duration_ms: u64) -> Self {
        let even = duration_ms.div_ceil(TILES_MAX).max(INTERVAL_MIN_MS);
        let interval_ms = even.div_ceil(INTERVAL_STEP_MS) * INTERVAL_STEP_MS;
        let tiles = duration_ms.div_ceil(interval_ms).clamp(1, TILES_MAX);
        Self {
            interval_ms,
            tiles: u32::try_from(tiles).unwrap_or(1),
            tile_width: TILE_WIDTH,
            tile_height: TILE_HEIGHT,
            columns: COLUMNS,
            duration_ms,
        }
    }

    pub fn rows(&self) -> u32 {
        self.tiles.div_ceil(self.columns)
    }

    /// Tiles beside one another in the sheet.
    pub fn columns_filled(&self) -> u32 {
        self.columns.min(self.tiles)
    }

    /// How much of the video the sheet stands for: its end and a part of an interval.
    pub fn covered_ms(&self) -> u64 {
        u64::from(self.tiles) * self.interval_ms
    }

    /// Left and top edge of a tile in the sheet.
    pub fn origin_of(&self, tile: u32) -> (u32, u32) {
        ((tile % self.columns) * self.tile_width, (tile / self.columns) * self.tile_height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_has_at_most_a_hundred_tiles_and_covers_the_whole_video() {
        for (duration_ms, interval_ms, tiles) in [
            (0, 1000, 1),
            (5280, 1000, 6),
            (55_125, 1000, 56),
            (600_000, 6000, 100),
            (10_800_000, 108_000, 100),
        ] {
            let sheet = Thumbnails::for_duration(duration_ms);
            assert_eq!((sheet.interval_ms, sheet.tiles), (interval_ms, tiles), "{duration_ms} ms");
            assert!(u64::from(sheet.tiles) * sheet.interval_ms >= duration_ms);
        }
    }

    #[test]
    fn tiles_run_row_by_row() {
        let sheet = Thumbnails::for_duration(25_000);
        assert_eq!((sheet.rows(), sheet.origin_of(0), sheet.origin_of(13)), (3, (0, 0), (480, 90)));
    }
}
