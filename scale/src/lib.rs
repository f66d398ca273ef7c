//! Shrinks a plane of bytes: bicubic (Keys 1981, with a = -0.75), stretched by the ratio so that every byte of the source
//! has its part. Both axes are one kernel: rows are combined along y and written transposed, twice. It is
//! plain Rust in a shape that compilers turn into SIMD code for any processor: sums of 16-bit products of which the upper
//! half is kept, and rows that are shuffled into each other. It is compiled for AVX2 too, which is found out when a scaler
//! is made. About three times as fast as the crates there are, which matters since it is a tenth of a ladder.

use pulp::{Arch, Simd, WithSimd};

/// Pixels that are summed up at once.
const LANES: usize = 32;
/// Rows that are transposed together.
const BLOCK: usize = 16;
/// Pixels are worked on as `byte << 7` and weights in Q15, so that the upper half of a product has six bits behind the point.
const PIXEL_SHIFT: u32 = 7;
const WEIGHT_ONE: i32 = 1 << 15;
const SUM_SHIFT: u32 = 6;

/// A plane as it lies in memory: `stride` bytes from row to row.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    pub width: usize,
    pub height: usize,
    pub stride: usize,
}

impl Layout {
    fn fits(&self, len: usize) -> bool {
        let rows_before = self.height.checked_sub(1).and_then(|rows| rows.checked_mul(self.stride));
        self.width > 0
            && self.width <= self.stride
            && rows_before.and_then(|before| before.checked_add(self.width)).is_some_and(|end| end <= len)
    }
}

/// Shrinks planes of one size to another, as many as there are.
pub struct Scaler {
    from: (usize, usize),
    to: (usize, usize),
    rows: Axis,
    columns: Axis,
    /// Between the passes, transposed.
    between: Vec<u8>,
    space: Space,
    processor: Arch,
}

impl Scaler {
    /// Width and height before and after. `None` unless there is something to make of something.
    pub fn new(from: (usize, usize), to: (usize, usize)) -> Option<Self> {
        if [from.0, from.1, to.0, to.1].contains(&0) {
            return None;
        }
        let (rows, columns) = (Axis::new(from.1, to.1), Axis::new(from.0, to.0));
        let (between, space) = (vec![0; from.0 * to.1], Space::default());
        Some(Self { from, to, rows, columns, between, space, processor: Arch::new() })
    }

    /// `None` if a plane is smaller than its layout says, or of another size than was agreed.
    pub fn scale(
        &mut self,
        source: &[u8],
        source_layout: Layout,
        target: &mut [u8],
        target_layout: Layout,
    ) -> Option<()> {
        let size = |layout: &Layout| (layout.width, layout.height);
        let agreed = size(&source_layout) == self.from && size(&target_layout) == self.to;
        if !agreed || !source_layout.fits(source.len()) || !target_layout.fits(target.len()) {
            return None;
        }
        let target = Plane { bytes: target, stride: target_layout.stride };
        self.processor.dispatch(BothPasses { scaler: self, source, source_layout, target });
        Some(())
    }
}

struct Plane<'a> {
    bytes: &'a mut [u8],
    stride: usize,
}

/// Everything below is inlined into this, and so compiled for the processor that it is called on.
struct BothPasses<'a> {
    scaler: &'a mut Scaler,
    source: &'a [u8],
    source_layout: Layout,
    target: Plane<'a>,
}

impl WithSimd for BothPasses<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { scaler, source, source_layout, mut target } = self;
        let Scaler { from, to, rows, columns, between, space, .. } = scaler;
        let layout = Layout { width: to.1, height: from.0, stride: to.1 };
        rows.combine(source, source_layout, &mut Plane { bytes: between, stride: to.1 }, space);
        columns.combine(between, layout, &mut target, space);
    }
}

/// What each row after is made of: so many rows before, from a first one on, each with its weight.
struct Axis {
    taps: usize,
    firsts: Vec<usize>,
    /// `taps` of each row, which together are one.
    weights: Vec<i16>,
}

#[derive(Default)]
struct Space {
    /// The last rows before that were needed, in a ring.
    wide: Vec<i16>,
    /// Rows after that wait to be transposed.
    block: Vec<u8>,
}

impl Axis {
    fn new(from: usize, to: usize) -> Self {
        let ratio = float(from) / float(to);
        let stretch = ratio.max(1.0);
        let reach = 2.0 * stretch;
        let taps = (whole(reach * 2.0) + 1).min(from);
        let (mut firsts, mut weights) = (Vec::with_capacity(to), Vec::with_capacity(to * taps));
        for place in 0..to {
            let centre = (float(place) + 0.5) * ratio - 0.5;
            let first = whole((centre - reach).max(0.0)).min(from - taps);
            firsts.push(first);
            let distances = (first..first + taps).map(|at| (float(at) - centre) / stretch);
            weights.extend(weights_of(&distances.map(bicubic).collect::<Vec<f64>>()));
        }
        Self { taps, firsts, weights }
    }

    /// Combines rows and writes them as columns.
    #[inline(always)]
    fn combine(&self, source: &[u8], layout: Layout, target: &mut Plane<'_>, space: &mut Space) {
        let padded = layout.width.next_multiple_of(LANES);
        let ring = self.taps.next_power_of_two();
        let Space { wide, block } = space;
        wide.clear();
        wide.resize(padded * ring, 0);
        block.resize(padded * BLOCK, 0);
        let mut widened = 0;
        for (at, firsts) in self.firsts.chunks(BLOCK).enumerate() {
            let place = at * BLOCK;
            for ((first, weights), row) in firsts
                .iter()
                .zip(self.weights[place * self.taps..].chunks(self.taps))
                .zip(block.chunks_mut(padded))
            {
                widened = widened.max(*first);
                while widened < first + self.taps {
                    let row = &mut wide[widened % ring * padded..][..layout.width];
                    widen(&source[widened * layout.stride..][..layout.width], row);
                    widened += 1;
                }
                let rows = (*first..first + self.taps).map(|at| &wide[at % ring * padded..][..padded]);
                sum(rows, weights, row);
            }
            transpose(block, padded, (layout.width, firsts.len()), &mut target.bytes[place..], target.stride);
        }
    }
}

#[inline(always)]
fn widen(bytes: &[u8], row: &mut [i16]) {
    for (wide, byte) in row.iter_mut().zip(bytes) {
        *wide = i16::from(*byte) << PIXEL_SHIFT;
    }
}

/// Each product is rounded down: half of what that takes away on average is given back beforehand.
#[inline(always)]
fn sum<'a>(rows: impl Iterator<Item = &'a [i16]> + Clone, weights: &[i16], sums: &mut [u8]) {
    let start = i16::try_from((1 << (SUM_SHIFT - 1)) + weights.len() / 2).unwrap_or(i16::MAX);
    for (at, sums) in sums.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut lanes = [start; LANES];
        for (row, weight) in rows.clone().zip(weights) {
            for (lane, pixel) in lanes.iter_mut().zip(&row.as_chunks::<LANES>().0[at]) {
                *lane = lane.wrapping_add(upper_half(*pixel, *weight));
            }
        }
        for (sum, lane) in sums.iter_mut().zip(lanes) {
            *sum = (lane >> SUM_SHIFT).clamp(0, 255) as u8;
        }
    }
}

/// As processors have it as one instruction.
#[inline(always)]
fn upper_half(pixel: i16, weight: i16) -> i16 {
    ((i32::from(pixel) * i32::from(weight)) >> 16) as i16
}

/// Rows, each `padded` bytes after the one before, become columns.
#[inline(always)]
fn transpose(rows: &[u8], padded: usize, size: (usize, usize), target: &mut [u8], stride: usize) {
    let (width, height) = size;
    let in_squares = if height == BLOCK { width / BLOCK * BLOCK } else { 0 };
    for x in (0..in_squares).step_by(BLOCK) {
        let mut square = [[0; BLOCK]; BLOCK];
        for (line, row) in square.iter_mut().zip(rows.chunks(padded)) {
            line.copy_from_slice(&row[x..x + BLOCK]);
        }
        // Four times, since there are sixteen lines: then each byte has come to where it belongs.
        let square = shuffle(&shuffle(&shuffle(&shuffle(&square))));
        for (line, column) in square.iter().zip(target[x * stride..].chunks_mut(stride)) {
            column[..BLOCK].copy_from_slice(line);
        }
    }
    for x in in_squares..width {
        for y in 0..height {
            target[x * stride + y] = rows[y * padded + x];
        }
    }
}

type Square = [[u8; BLOCK]; BLOCK];

/// A perfect shuffle: each line of the upper half and the one as far down in the lower half, byte by byte in turns, become
/// two lines.
#[inline(always)]
fn shuffle(square: &Square) -> Square {
    let mut shuffled = Square::default();
    let (upper, lower) = square.split_at(BLOCK / 2);
    for ((two, upper), lower) in shuffled.as_chunks_mut::<2>().0.iter_mut().zip(upper).zip(lower) {
        let of_both = |at: usize| if at.is_multiple_of(2) { upper[at / 2] } else { lower[at / 2] };
        *two = [std::array::from_fn(of_both), std::array::from_fn(|at| of_both(BLOCK + at))];
    }
    shuffled
}

/// Whole Q15 numbers that together are one, in proportion to these.
fn weights_of(parts: &[f64]) -> Vec<i16> {
    let together: f64 = parts.iter().sum();
    let mut weights: Vec<i32> =
        parts.iter().map(|part| (part / together * f64::from(WEIGHT_ONE)).round() as i32).collect();
    let missing = WEIGHT_ONE - weights.iter().sum::<i32>();
    if let Some(largest) = weights.iter_mut().max() {
        *largest += missing;
    }
    weights.into_iter().map(|weight| i16::try_from(weight).unwrap_or(i16::MAX)).collect()
}

/// Sharper than Catmull-Rom (-0.5): a rung is made of the one above it, and each time something is lost. Closer to the
/// source than ffmpeg's bicubic (-0.6) made in one step: `docs/benchmarks.md`.
const SHARPNESS: f64 = 0.75;

fn bicubic(distance: f64) -> f64 {
    let a = -SHARPNESS;
    match distance.abs() {
        near if near < 1.0 => ((a + 2.0) * near - (a + 3.0)) * near * near + 1.0,
        far if far < 2.0 => a * (((far - 5.0) * far + 8.0) * far - 4.0),
        _ => 0.0,
    }
}

/// Sizes of pictures are far below 2^52.
fn float(number: usize) -> f64 {
    number as f64
}

/// The next whole number; of what is not negative.
fn whole(number: f64) -> usize {
    number.ceil() as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the paper has it, in doubles, without any of the kernel above.
    fn reference(source: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<f64> {
        let line = |from: usize, to: usize, place: usize| -> Vec<(usize, f64)> {
            let ratio = from as f64 / to as f64;
            let centre = (place as f64 + 0.5) * ratio - 0.5;
            let weight = |at: usize| bicubic((at as f64 - centre) / ratio.max(1.0));
            let all: f64 = (0..from).map(weight).sum();
            (0..from).map(|at| (at, weight(at) / all)).filter(|(_, weight)| *weight != 0.0).collect()
        };
        let columns: Vec<_> = (0..to.0).map(|x| line(from.0, to.0, x)).collect();
        let mut pixels = Vec::new();
        for y in 0..to.1 {
            for column in &columns {
                let rows = line(from.1, to.1, y);
                let of_column = |x: usize| -> f64 {
                    rows.iter().map(|(row, weight)| f64::from(source[row * from.0 + x]) * weight).sum()
                };
                pixels.push(column.iter().map(|(x, weight)| of_column(*x).clamp(0.0, 255.0) * weight).sum());
            }
        }
        pixels
    }

    fn scaled(source: &[u8], from: (usize, usize), to: (usize, usize), padding: usize) -> Vec<u8> {
        let layout = |(width, height), padding| Layout { width, height, stride: width + padding };
        let padded: Vec<u8> = source
            .chunks(from.0)
            .flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(9, padding)))
            .collect();
        let mut target = vec![7; (to.0 + 3) * to.1];
        let mut scaler = Scaler::new(from, to).unwrap();
        for _ in 0..2 {
            scaler.scale(&padded, layout(from, padding), &mut target, layout(to, 3)).unwrap();
        }
        assert!(target.chunks(to.0 + 3).all(|row| row[to.0..] == [7; 3]), "nothing is written between rows");
        target.chunks(to.0 + 3).flat_map(|row| row[..to.0].to_vec()).collect()
    }

    #[test]
    fn an_even_plane_stays_as_it_is() {
        for value in [0, 1, 16, 127, 235, 254, 255] {
            let made = scaled(&vec![value; 100 * 60], (100, 60), (66, 40), 0);
            assert!(made.iter().all(|byte| *byte == value), "{value}");
        }
    }

    #[test]
    fn a_plane_of_the_same_size_is_copied() {
        let source: Vec<u8> = (0..70_u32 * 40).map(|at| (at * at % 251) as u8).collect();
        assert_eq!(scaled(&source, (70, 40), (70, 40), 5), source);
    }

    #[test]
    fn a_plane_that_is_not_as_it_was_said_to_be_is_refused() {
        let layout = |width, height, stride| Layout { width, height, stride };
        let mut scaler = Scaler::new((8, 8), (4, 4)).unwrap();
        let (source, mut target) = ([0; 64], [0; 16]);
        for (bad, good) in [(layout(8, 8, 9), layout(4, 4, 4)), (layout(8, 8, 7), layout(4, 4, 4))] {
            assert!(scaler.scale(&source, bad, &mut target, good).is_none());
        }
        assert!(scaler.scale(&source, layout(8, 8, 8), &mut target, layout(5, 3, 5)).is_none());
        assert!(scaler.scale(&source, layout(8, 8, 8), &mut target, layout(4, 4, 5)).is_none());
        assert!(scaler.scale(&source, layout(8, 8, 8), &mut target, layout(4, 4, 4)).is_some());
        assert!(Scaler::new((8, 0), (4, 4)).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_pixel_is_within_two_of_the_exact_one(
            (width, height) in (1_usize..90, 1_usize..70),
            (less_wide, less_high) in (0_usize..60, 0_usize..60),
            padding in 0_usize..5,
            seed in any::<u32>(),
        ) {
            let to = (width.saturating_sub(less_wide).max(1), height.saturating_sub(less_high).max(1));
            let mut state = seed;
            let source: Vec<u8> = (0..width * height)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            let made = scaled(&source, (width, height), to, padding);
            for (made, exact) in made.iter().zip(reference(&source, (width, height), to)) {
                prop_assert!((f64::from(*made) - exact.clamp(0.0, 255.0)).abs() <= 2.0, "{made} {exact}");
            }
        }
    }
}
