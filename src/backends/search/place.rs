//! Where a page of results has ended, so that the next does not repeat it. Lists by date and by views go on behind the
//! last key, which no change elsewhere moves. By relevance every document changes the scores of all, if by little: those
//! go on at a number of hits, and what the page before has shown is left out.

use super::query::Sort;
use crate::domain::{
    ids::VideoId,
    page::{Cursor, LIMIT_MAX},
};

/// Nobody reads so far; what is behind it is not given out by relevance.
pub(super) const OFFSET_MAX: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Ranked {
        /// Hits before it, in the engine's own count.
        offset: usize,
        /// What the page before has shown, shortened.
        shown: Vec<u32>,
    },
    Keyed {
        sort: Sort,
        /// The last one's moment or views.
        key: i64,
        tie: u64,
    },
}

impl Place {
    pub fn write(&self) -> Cursor {
        let text = match self {
            Self::Ranked { offset, shown } => {
                let shown: String = shown.iter().map(|short| format!("{short:08x}")).collect();
                format!("r{offset}.{shown}")
            }
            Self::Keyed { sort: Sort::Views, key, tie } => format!("v{key}.{tie}"),
            Self::Keyed { key, tie, .. } => format!("d{key}.{tie}"),
        };
        Cursor::of(&text)
    }

    /// `None` for a cursor that did not come from here, or belongs to a list of another order.
    pub fn read(cursor: &Cursor, order: Sort) -> Option<Self> {
        let text = cursor.text()?;
        let letter = match order {
            Sort::Relevance => 'r',
            Sort::Date => 'd',
            Sort::Views => 'v',
        };
        let (number, rest) = text.strip_prefix(letter)?.split_once('.')?;
        match order {
            Sort::Relevance => {
                let offset = number.parse().ok().filter(|offset| *offset <= OFFSET_MAX)?;
                Some(Self::Ranked { offset, shown: read_shown(rest)? })
            }
            sort => Some(Self::Keyed { sort, key: number.parse().ok()?, tie: rest.parse().ok()? }),
        }
    }
}

fn read_shown(text: &str) -> Option<Vec<u32>> {
    let fits = text.is_ascii() && text.len().is_multiple_of(8) && text.len() <= 8 * LIMIT_MAX;
    let pieces = fits.then(|| text.as_bytes().chunks(8))?;
    pieces.map(|piece| u32::from_str_radix(std::str::from_utf8(piece).ok()?, 16).ok()).collect()
}

/// Tells the videos of one page from others, almost always.
pub(super) fn short(video: &VideoId) -> u32 {
    let bits = super::document::tie_of(video) & u64::from(u32::MAX);
    u32::try_from(bits).expect("32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_its_cursor_and_fits_its_own_order_alone() {
        for (place, order, other) in [
            (Place::Ranked { offset: 40, shown: vec![7, u32::MAX] }, Sort::Relevance, Sort::Date),
            (Place::Ranked { offset: 1, shown: vec![] }, Sort::Relevance, Sort::Views),
            (Place::Keyed { sort: Sort::Date, key: -5, tie: 1 << 52 }, Sort::Date, Sort::Views),
            (Place::Keyed { sort: Sort::Views, key: 0, tie: 3 }, Sort::Views, Sort::Relevance),
        ] {
            assert_eq!(Place::read(&place.write(), order), Some(place.clone()));
            assert_eq!(Place::read(&place.write(), other), None);
        }
        for text in ["", "r", "r1", "r99999999.", "r1.zzzzzzzz", "r1.123", "d1.x", "dd.1"] {
            assert_eq!(Place::read(&Cursor::of(text), Sort::Relevance), None, "{text}");
            assert_eq!(Place::read(&Cursor::of(text), Sort::Date), None, "{text}");
        }
    }
}
