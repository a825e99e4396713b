//! Hop 7: pieces of any length become blocks of one length, for codecs that compress block by block.

/// Gathers what does not fill a block by itself.
#[derive(Debug)]
pub(super) struct Blocks {
    gathered: Vec<u8>,
    bytes: usize,
}

impl Blocks {
    /// Blocks of `bytes`, which is not 0; the last one may be shorter.
    pub(super) fn of(bytes: usize) -> Self {
        Self { gathered: Vec::new(), bytes }
    }

    /// Calls `each` with one block after the other. A piece that fills a block is not copied for it.
    pub(super) fn each<'a, E>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]>,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.gathered.clear();
        for mut rest in pieces {
            while !rest.is_empty() {
                if self.gathered.is_empty()
                    && let Some((block, after)) = rest.split_at_checked(self.bytes)
                {
                    each(block)?;
                    rest = after;
                    continue;
                }
                let (head, after) = rest.split_at(rest.len().min(self.bytes - self.gathered.len()));
                self.gathered.extend_from_slice(head);
                rest = after;
                if self.gathered.len() == self.bytes {
                    each(&self.gathered)?;
                    self.gathered.clear();
                }
            }
        }
        if self.gathered.is_empty() { Ok(()) } else { each(&self.gathered) }
    }
}
