//! Hop 7: zstd frames (RFC 8878).

use std::ops::RangeInclusive;

use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, DCtx, InBuffer, OutBuffer, ResetDirective};

use super::{CUT, Fault};

/// The default of the library, and so of Java's clients.
pub(super) const LEVEL: i32 = 3;
/// `ZSTD_error_dstSize_tooSmall`; its numbers are the same in all releases. Errors are negative sizes.
const TOO_SMALL: usize = 0_usize.wrapping_sub(70);
/// `ZSTD_error_srcSize_wrong`: what a frame that is cut short is told from.
const WRONG_LENGTH: usize = 0_usize.wrapping_sub(72);

/// What `compression.zstd.level` may be.
pub(super) fn levels() -> RangeInclusive<i32> {
    zstd_safe::min_c_level()..=zstd_safe::max_c_level()
}

pub(super) struct Encoder {
    level: i32,
    /// Made with the first batch, since that can fail.
    context: Option<CCtx<'static>>,
}

impl Encoder {
    pub(super) fn new(level: i32) -> Self {
        Self { level, context: None }
    }

    pub(super) fn compress<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]> + Clone,
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        let context = match &mut self.context {
            Some(context) => context,
            none => {
                let mut context = CCtx::try_create().ok_or("no memory")?;
                context.set_parameter(CParameter::CompressionLevel(self.level)).map_err(why)?;
                none.insert(context)
            }
        };
        let total = pieces.clone().fold(0_usize, |sum, piece| sum.saturating_add(piece.len()));
        context.reset(ResetDirective::SessionOnly).map_err(why)?;
        // With the length known, tables are as small as the batch, and readers know what to expect.
        context.set_pledged_src_size(u64::try_from(total).ok()).map_err(why)?;
        out.reserve(total / 4 + 512);
        for piece in pieces {
            let mut input = InBuffer::around(piece);
            while input.pos() < piece.len() {
                step(context, out, &mut input, ZSTD_EndDirective::ZSTD_e_continue)?;
            }
        }
        while step(context, out, &mut InBuffer::around(&[]), ZSTD_EndDirective::ZSTD_e_end)? != 0 {}
        Ok(())
    }
}

/// Compresses into the room that `out` has, or makes some.
fn step(
    context: &mut CCtx<'static>,
    out: &mut Vec<u8>,
    input: &mut InBuffer<'_>,
    end: ZSTD_EndDirective,
) -> Result<usize, &'static str> {
    if out.capacity() == out.len() {
        out.reserve(16 << 10);
    }
    let from = out.len();
    context.compress_stream2(&mut OutBuffer::around_pos(out, from), input, end).map_err(why)
}

fn why(code: usize) -> &'static str {
    zstd_safe::get_error_name(code)
}

pub(super) fn decompress(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, Fault> {
    let fault = |code: usize| match code {
        WRONG_LENGTH => CUT,
        code => Fault::Malformed(why(code)),
    };
    // Made of what the frames announce, or of how many blocks they have: never too little for frames that keep to it.
    let bound =
        zstd_safe::decompress_bound(bytes).map_err(|_| Fault::Malformed("no frame, or one cut short"))?;
    let room = usize::try_from(bound).unwrap_or(usize::MAX).min(bytes_max);
    let mut out = Vec::new();
    out.try_reserve_exact(room).map_err(|_| Fault::TooLarge)?;
    // All at once, straight into its place: a window of the size that a frame asks for is not needed.
    let mut context = DCtx::try_create().ok_or(Fault::Malformed("no memory"))?;
    match context.decompress(&mut out, bytes) {
        Ok(_) => {
            if out.len() < room / 2 {
                out.shrink_to_fit();
            }
            Ok(out)
        }
        Err(TOO_SMALL) if bound > u64::try_from(bytes_max).unwrap_or(u64::MAX) => Err(Fault::TooLarge),
        Err(code) => Err(fault(code)),
    }
}
