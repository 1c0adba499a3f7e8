//! Rounds of a test, each with numbers of its own that can be had again.

/// Numbers that look random and follow from a seed: xorshift64*.
pub(crate) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % end
    }

    /// One of several.
    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// Runs rounds, as many as the environment says, and names the seed of one that fails.
pub(crate) fn rounds(usual: u64, mut round: impl FnMut(&mut Random, &str)) {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let first = number("SECRETCTL_HARD_SEED").unwrap_or(time.as_secs());
    let count = number("SECRETCTL_HARD_ROUNDS").unwrap_or(usual);
    for seed in first..first + count {
        // No state of zeros, in which the numbers would stay.
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        round(&mut random, &format!("seed {seed}"));
    }
    println!("{count} rounds from seed {first}");
}
