//! Log lines on standard error, as text or JSON, with control characters of foreign text made harmless.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};

use admin::{Level, Loggers};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt, reload};

/// Parts of the program that REST lists; any other target of log lines may be named there as well.
const PARTS: [&str; 7] =
    ["admin", "dev_broker", "kafka_client", "otlp2kafka", "pipeline", "receiver", "sink"];

/// `log.format` and `log.level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Log {
    /// Lines of JSON, not of text.
    pub(crate) json: bool,
    /// Nothing below it is written.
    pub(crate) level: LevelFilter,
}

/// Puts logging in place for the whole process, and gives the way to change its levels. A second call changes
/// nothing, which only tests do.
pub(crate) fn start(log: Log) -> Loggers {
    let (filter, handle) = reload::Layer::new(Targets::new().with_default(log.level));
    if log.json {
        let lines = fmt::layer().json().flatten_event(true).with_writer(io::stderr);
        drop(Registry::default().with(lines.with_filter(filter)).try_init());
    } else {
        let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let lines = fmt::layer().with_ansi(colour).with_writer(OneLine { colour });
        drop(Registry::default().with(lines.with_filter(filter)).try_init());
    }
    Loggers::new(of_filter(log.level), &PARTS, move |root, others| {
        // The subscriber lives as long as the process.
        drop(handle.reload(targets(root, others)));
    })
}

fn targets(root: Level, others: &BTreeMap<String, Level>) -> Targets {
    let others = others.iter().map(|(name, level)| (name.clone(), filter(*level)));
    Targets::new().with_default(filter(root)).with_targets(others)
}

/// Log4j has two levels more than we do.
fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Off => LevelFilter::OFF,
        Level::Fatal | Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace | Level::All => LevelFilter::TRACE,
    }
}

fn of_filter(level: LevelFilter) -> Level {
    match level {
        LevelFilter::ERROR => Level::Error,
        LevelFilter::WARN => Level::Warn,
        LevelFilter::DEBUG => Level::Debug,
        LevelFilter::TRACE => Level::Trace,
        LevelFilter::OFF => Level::Off,
        _ => Level::Info,
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
