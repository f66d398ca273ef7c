//! A small seeded generator (SplitMix64, Steele et al. 2014): choices must repeat, not resist.

use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Choices(u64);

impl Choices {
    /// Each `stream` of a seed is another sequence.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut choices = Self(seed ^ stream.wrapping_mul(0xA076_1D64_78BD_642F));
        // Neighbouring streams are mixed before the first draw.
        choices.0 = choices.next();
        choices
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Between 0 and 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        ((self.share() * bound as f64) as usize).min(bound - 1)
    }

    /// A pause of a Poisson process: exponential, with this mean.
    pub fn pause(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(self.exponential())
    }

    /// Exponential with a mean of 1.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.share()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_choices() {
        let draw = |seed, stream| {
            let mut choices = Choices::new(seed, stream);
            (0..4).map(|_| choices.share()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
        assert!(draw(7, 1).iter().all(|share| (0.0..1.0).contains(share)));
    }

    #[test]
    fn pauses_have_their_mean() {
        let mut choices = Choices::new(1, 1);
        let sum: f64 = (0..20_000).map(|_| choices.exponential()).sum();
        assert!((sum / 20_000.0 - 1.0).abs() < 0.03, "{sum}");
        assert!((0..1_000).all(|_| choices.below(3) < 3));
    }
}
