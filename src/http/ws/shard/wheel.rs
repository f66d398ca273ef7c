//! A timing wheel: one list a step, and a shard looks at one list each step instead of having a timer a socket. An
//! entry that is not wanted any more costs a look. Deadlines beyond the wheel are looked at once a turn. Pure.

/// One turn. With steps of a second it is longer than the time between two pings.
const STEPS: u32 = 32;

/// Steps since the shard began.
pub type Step = u32;

#[derive(Debug, Default)]
pub struct Wheel {
    lists: [Vec<u32>; STEPS as usize],
    now: Step,
}

impl Wheel {
    pub fn now(&self) -> Step {
        self.now
    }

    /// Has a slot looked at when `at` has come, or a turn from now if that is sooner. Returns when.
    pub fn schedule(&mut self, slot: u32, at: Step) -> Step {
        let at = at.clamp(self.now + 1, self.now + STEPS - 1);
        self.lists[(at % STEPS) as usize].push(slot);
        at
    }

    /// Goes on by a step and returns whom to look at.
    pub fn turn(&mut self) -> Vec<u32> {
        self.now += 1;
        std::mem::take(&mut self.lists[(self.now % STEPS) as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_scheduled_is_looked_at_in_their_step_or_within_a_turn() {
        let mut wheel = Wheel::default();
        assert_eq!([wheel.schedule(7, 3), wheel.schedule(8, 0), wheel.schedule(9, 1_000)], [3, 1, 31]);
        assert_eq!(wheel.turn(), [8]);
        assert_eq!(wheel.turn(), Vec::<u32>::new());
        assert_eq!((wheel.turn(), wheel.now()), (vec![7], 3));
        assert_eq!(wheel.schedule(7, 4), 4);
        assert_eq!(wheel.turn(), [7]);
        assert_eq!((0..27).flat_map(|_| wheel.turn()).collect::<Vec<_>>(), [9]);
    }
}
