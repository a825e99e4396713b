//! Log lines on standard error, as text or JSON, with control characters of foreign text made harmless.

use std::io::{self, IsTerminal, Write};

use admin::{Level, Loggers};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// `log.format` and `log.level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Log {
    /// Lines of JSON, not of text.
    pub(crate) json: bool,
    /// Nothing below it is written.
    pub(crate) level: LevelFilter,
}

/// The levels that REST shows.
pub(crate) fn loggers(log: Log) -> Loggers {
    let root = match log.level {
        LevelFilter::ERROR => Level::Error,
        LevelFilter::WARN => Level::Warn,
        LevelFilter::DEBUG => Level::Debug,
        LevelFilter::TRACE => Level::Trace,
        _ => Level::Info,
    };
    Loggers::new(root, &[], |_, _| {})
}

/// Puts logging in place for the whole process; a second call changes nothing.
pub(crate) fn start(log: Log) {
    let builder = tracing_subscriber::fmt().with_max_level(log.level);
    // An error means that logging is in place already, which only tests do.
    if log.json {
        drop(builder.json().flatten_event(true).with_writer(io::stderr).try_init());
    } else {
        let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        drop(builder.with_ansi(colour).with_writer(OneLine { colour }).try_init());
    }
}

/// Writes each event as one line: text from outside cannot begin a line of its own or move the cursor.
#[derive(Debug, Clone, Copy)]
struct OneLine {
    /// Escape characters are our own colours; the formatter has escaped those of foreign text.
    colour: bool,
}

impl<'a> MakeWriter<'a> for OneLine {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl Write for OneLine {
    /// The formatter hands over one whole event a call.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(&one_line(event, self.colour))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn one_line(event: &[u8], colour: bool) -> Vec<u8> {
    let body = event.strip_suffix(b"\n").unwrap_or(event);
    let mut line = Vec::with_capacity(event.len() + 16);
    for &byte in body {
        match byte {
            0x1b if colour => line.push(byte),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            0..=0x1f | 0x7f => line.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
            _ => line.push(byte),
        }
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn foreign_text_stays_on_its_line() {
        assert_eq!(one_line(b"INFO a\nINFO forged\r\x07\n", false), b"INFO a\\nINFO forged\\r\\x07\n");
        assert_eq!(one_line(b"\x1b[31mred\x1b[0m\n", true), b"\x1b[31mred\x1b[0m\n");
        assert_eq!(one_line(b"\x1b[31mred", false), b"\\x1b[31mred\n");
        assert_eq!(one_line("ünï".as_bytes(), false), "ünï\n".as_bytes());
    }
}
