//! Short texts built at compile time, padded to a fixed size so that a writer can copy them with one move.

/// Up to `N` bytes of ASCII; what follows them is zero.
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Text<N> {
    pub(crate) const EMPTY: Self = Self { bytes: [0; N], len: 0 };

    /// `"name":`
    pub(super) const fn key(name: &str) -> Self {
        Self::EMPTY.then("\"").then(name).then("\":")
    }

    /// With `more` behind it. Fails the build when that does not fit.
    pub(crate) const fn then(mut self, more: &str) -> Self {
        let more = more.as_bytes();
        let mut at = 0;
        while at < more.len() {
            self.bytes[self.len as usize] = more[at];
            self.len += 1;
            at += 1;
        }
        self
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("built from whole strings")
    }

    /// The text and its padding; [`Text::len`] says how much of it counts.
    #[inline]
    pub const fn padded(&self) -> &[u8; N] {
        &self.bytes
    }

    /// Bytes of the text.
    #[inline]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is no text.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Text<32> {
    /// Whether `bytes` begin with the text: a few vector instructions, whatever its length.
    #[inline(always)]
    pub(crate) fn begins(&self, bytes: &[u8; 32]) -> bool {
        let Some(counted) = COUNTED.get(32 - usize::from(self.len)..).and_then(<[u8]>::first_chunk::<32>)
        else {
            return false;
        };
        let mut differ = [0; 32];
        for at in 0..32 {
            differ[at] = (bytes[at] ^ self.bytes[at]) & counted[at];
        }
        differ.as_chunks::<16>().0.iter().fold(0, |all, half| all | u128::from_ne_bytes(*half)) == 0
    }
}

/// `COUNTED[32 - n..][..32]` keeps the first `n` bytes.
static COUNTED: [u8; 64] = {
    let mut mask = [0; 64];
    let mut at = 0;
    while at < 32 {
        mask[at] = 0xff;
        at += 1;
    }
    mask
};

impl<const N: usize> std::fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), f)
    }
}
