//! The only place that writes to standard output and, besides the log, to standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// Writes text to standard output. Nobody reading it is no reason to stop serving.
pub(crate) fn say(text: &str) {
    let mut out = io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Writes bytes to standard output.
///
/// # Errors
///
/// What the system says; a broken pipe means that the reader has seen enough.
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Writes a line to standard error.
pub(crate) fn complain(line: impl Display) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// Whether a person reads standard output.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether colours may be used on standard output.
pub(crate) fn has_colour() -> bool {
    is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
