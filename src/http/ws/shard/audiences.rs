//! Which of a shard's seats hear what. Slots are kept in order, so that a broadcast that was interrupted finds its
//! place again whoever has left meanwhile. Pure.

use std::collections::HashMap;

use crate::actors::seat::AudienceId;

#[derive(Debug, Default)]
pub struct Audiences(HashMap<AudienceId, Vec<u32>>);

impl Audiences {
    /// `false` if the slot is in it already.
    pub fn enter(&mut self, audience: AudienceId, slot: u32) -> bool {
        let slots = self.0.entry(audience).or_default();
        match slots.binary_search(&slot) {
            Ok(_) => false,
            Err(at) => {
                slots.insert(at, slot);
                true
            }
        }
    }

    pub fn leave(&mut self, audience: AudienceId, slot: u32) {
        let Some(slots) = self.0.get_mut(&audience) else { return };
        if let Ok(at) = slots.binary_search(&slot) {
            slots.remove(at);
        }
        if slots.is_empty() {
            self.0.remove(&audience);
        }
    }

    /// Slots from `first` on, in their order.
    pub fn from(&self, audience: AudienceId, first: u32) -> &[u32] {
        let slots = self.0.get(&audience).map_or(&[][..], Vec::as_slice);
        &slots[slots.partition_point(|slot| *slot < first)..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_goes_on_where_it_was_whoever_has_left() {
        let (mut audiences, room) = (Audiences::default(), AudienceId::new());
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
