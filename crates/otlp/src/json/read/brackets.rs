//! Hop 5, OTLP/JSON in: what is open inside a value that is skipped, in constant memory.

/// The brackets that are open inside a skipped value: one bit each, set for an object.
#[derive(Default)]
pub(super) struct Brackets {
    bits: [u64; Self::WORDS],
    pub(super) depth: usize,
}

impl Brackets {
    const WORDS: usize = 16;
    /// Far above what the known messages can nest (100 of them, with three brackets each).
    pub(super) const DEPTH_MAX: usize = Self::WORDS * 64;

    pub(super) fn push(&mut self, object: bool) {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        self.bits[word] = self.bits[word] & !(1 << bit) | u64::from(object) << bit;
        self.depth += 1;
    }

    pub(super) fn pop(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn innermost(&self) -> Option<bool> {
        let last = self.depth.checked_sub(1)?;
        Some(self.bits[last / 64] >> (last % 64) & 1 == 1)
    }
}
