//! Numbers that look random and are the same on every machine, in any order of rows.

/// One row's source of numbers: SplitMix64, started from the table and the row.
pub(super) struct Dice(u64);

impl Dice {
    /// `table` tells tables, or groups of columns, apart.
    pub(super) fn of(table: u64, row_idx: u64) -> Self {
        let mut seed = Self(table.wrapping_mul(0xd134_2543_de82_ef95));
        Self(seed.roll() ^ row_idx.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Below `end`, which is at least 1.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    /// From 0 up to, not including, 1.
    pub(super) fn share(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True in so many of a hundred cases.
    pub(super) fn percent(&mut self, hundredths: u64) -> bool {
        self.below(100) < hundredths
    }

    /// One of the items.
    pub(super) fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        let item_idx = usize::try_from(self.below(items.len() as u64)).unwrap_or(0);
        items.get(item_idx).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_tables_roll_differently_and_the_same_again() {
        let roll = |table, row_idx| Dice::of(table, row_idx).roll();
        assert_eq!(roll(1, 7), roll(1, 7));
        assert_ne!(roll(1, 7), roll(1, 8));
        assert_ne!(roll(1, 7), roll(2, 7));
    }

    #[test]
    fn shares_lie_between_zero_and_one_and_spread() {
        let shares: Vec<f64> = (0..10_000).map(|row_idx| Dice::of(3, row_idx).share()).collect();
        assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
        let mean = shares.iter().sum::<f64>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
    }
}
