//! Hop 6, `json` and `otlp_json`: one pass from a request's wire bytes to the text of a record, checking and counting on the way.
//!
//! Both are compact, with 64-bit integers as strings; all they differ in is [`Style`].
//!
//! ```text
//!  wire ──► stream ── nearly always ─────────────────────────────► text, Counts
//!             │ a list in two runs, a field twice, two of a oneof
//!             └──────► scan ─► Counts, then regroup ─► text
//!                 both: value ─► text, number, text ─► simd
//! ```

mod number;
mod regroup;
mod steps;
mod stream;
mod style;
#[cfg(test)]
mod tests;
mod text;
mod value;

use thiserror::Error;

use crate::error::{DEPTH_MAX, Malformed};
use crate::scan::{Counts, Fault, Limits, Scan, scan};
use crate::signal::Signal;
use crate::simd::{Buffer, Cursor};
pub use style::Style;
use value::Writer;

/// Why a request did not become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// What [`scan`] says of the same bytes.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The text would be longer than the limit.
    #[error("longer than a record may be")]
    Full,
}

/// Appends the JSON of `wire` in this `style` to `out`, at most `max` bytes of it, and counts as [`scan`] does.
///
/// Checks all that [`scan`] checks, so that no separate scan is needed. The buffer never grows to more than a
/// few KiB above `max`; when it has that capacity from the start, it is not moved.
///
/// # Errors
///
/// [`WriteError`]; `out` is then cut back to its former length. When the bytes are malformed behind the place
/// where the text became too long, either may be given.
pub fn write(
    style: Style,
    signal: Signal,
    wire: &[u8],
    limits: &Limits,
    max: usize,
    out: &mut Vec<u8>,
) -> Result<Counts, WriteError> {
    match style {
        Style::Json => write_styled::<false>(signal, wire, limits, max, out),
        Style::OtlpJson => write_styled::<true>(signal, wire, limits, max, out),
    }
}

/// [`write`], compiled once for each style.
fn write_styled<const OTLP: bool>(
    signal: Signal,
    wire: &[u8],
    limits: &Limits,
    max: usize,
    out: &mut Vec<u8>,
) -> Result<Counts, WriteError> {
    let mut buffer = Buffer::new(std::mem::take(out), max);
    let mut writer = Writer::<OTLP> { body: wire, scan: Scan::new(limits), stop: Stop::Full };
    let pen = writer.message(buffer.cursor(), signal.root(), wire, DEPTH_MAX);
    let mut done = finished(pen, &mut writer.stop).map(|()| writer.scan.counts());
    if matches!(done, Err(Stop::Regroup)) {
        done = scan(signal, wire, limits).map_err(Stop::Malformed).and_then(|counts| {
            let pen = writer.regrouped(buffer.cursor(), signal.root(), &[wire]);
            finished(pen, &mut writer.stop).map(|()| counts)
        });
    }
    if done.is_err() {
        buffer.clear();
    }
    *out = buffer.into_bytes();
    done.map_err(|stop| match stop {
        Stop::Fault(fault) => fault.in_request(wire).into(),
        Stop::Malformed(malformed) => malformed.into(),
        Stop::Full | Stop::Regroup => WriteError::Full,
    })
}

/// Ends a text, of which the last comma does not count, or says why there is none.
fn finished(pen: Option<Cursor<'_>>, stop: &mut Stop) -> Result<(), Stop> {
    let Some(mut pen) = pen else { return Err(std::mem::replace(stop, Stop::Full)) };
    pen.back(1);
    if pen.finish() { Ok(()) } else { Err(Stop::Full) }
}

/// Why the walk through a message ended early.
enum Stop {
    /// The bytes are not valid.
    Fault(Fault),
    /// The scan before the slow path found that they are not.
    Malformed(Malformed),
    /// No room for more text.
    Full,
    /// A message whose fields can't be written in the order they come.
    Regroup,
}
