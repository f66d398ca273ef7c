//! Which of a shard's seats hear what, and in which encoding, so that a broadcast has nothing to ask of a seat. Slots
//! are kept in order, so that one that was interrupted finds its place again whoever has left meanwhile. Pure.

use std::collections::HashMap;

use crate::actors::seat::{AudienceId, Encoding};

/// An audience as far as it wants one encoding.
pub type Listeners = (AudienceId, Encoding);

#[derive(Debug, Default)]
pub struct Audiences(HashMap<Listeners, Vec<u32>>);

impl Audiences {
    /// `false` if the slot is in it already.
    pub fn enter(&mut self, listeners: Listeners, slot: u32) -> bool {
        let slots = self.0.entry(listeners).or_default();
        match slots.binary_search(&slot) {
            Ok(_) => false,
            Err(at) => {
                slots.insert(at, slot);
                true
            }
        }
    }

    pub fn leave(&mut self, listeners: Listeners, slot: u32) {
        let Some(slots) = self.0.get_mut(&listeners) else { return };
        if let Ok(at) = slots.binary_search(&slot) {
            slots.remove(at);
        }
        if slots.is_empty() {
            self.0.remove(&listeners);
        }
    }

    /// Slots from `first` on, in their order.
    pub fn from(&self, listeners: Listeners, first: u32) -> &[u32] {
        let slots = self.0.get(&listeners).map_or(&[][..], Vec::as_slice);
        &slots[slots.partition_point(|slot| *slot < first)..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_goes_on_where_it_was_whoever_has_left() {
        let (mut audiences, room) = (Audiences::default(), (AudienceId::new(), Encoding::Json));
        for slot in [5, 1, 9, 3] {
            assert!(audiences.enter(room, slot));
        }
        assert!(!audiences.enter(room, 9));
        assert_eq!(audiences.from(room, 0), [1, 3, 5, 9]);
        audiences.leave(room, 3);
        audiences.leave(room, 4);
        assert_eq!(audiences.from(room, 2), [5, 9]);
        for slot in [1, 5, 9] {
            audiences.leave(room, slot);
        }
        assert!(audiences.from(room, 0).is_empty() && audiences.0.is_empty());
    }
}
