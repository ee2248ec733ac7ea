//! Seeded numbers for tests: splitmix64.

pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub(crate) fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    /// A number that breaks things.
    pub(crate) fn number(&mut self) -> i64 {
        const NUMBERS: [i64; 16] =
            [0, 1, -1, 2, 3, 4, 5, 7, -2, -7, 255, 1 << 20, (1 << 31) - 1, 1 << 31, i64::MAX, i64::MIN];
        self.of(&NUMBERS)
    }

    pub(crate) fn real(&mut self) -> f32 {
        self.of(&[0.0, -0.0, 1.0, -1.0, 1e-30, 1e30, f32::NAN, f32::INFINITY, f32::NEG_INFINITY])
    }
}
