//! `otlp2kafka tail`: records of our topics as readable text.

mod pretty;
mod render;
mod time;

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{anyhow, bail};
use otlp::Signal;
use sink::reader::{Message, Reader, ReaderError};

use crate::cli::{Output, Tail};
use crate::settings::{self, Settings, Sources};
use crate::{files, output};

/// How long a broker may take to accept a connection, and then to answer for a topic.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait for a record between two looks at whether to go on.
const POLL: Duration = Duration::from_millis(500);

/// Prints until told to stop, or until so many records were printed.
///
/// # Errors
///
/// Mistakes in the configuration; brokers that do not answer; topics that are not there.
pub(crate) fn tail(what: &Tail) -> anyhow::Result<()> {
    let mut options = what.options.options.clone();
    options.extend(what.bootstrap_server.iter().map(|servers| format!("bootstrap.servers={servers}")));
    let worker: Vec<String> = what.worker.iter().cloned().collect();
    let settings = settings::load(&Sources::of_process(&worker, &options))?;
    reach(&settings.bootstrap_servers)?;
    let reader = open(what, &settings)?;
    let mut left = what.max_messages.unwrap_or(u64::MAX);
    let printer =
        Printer { what, settings: &settings, output: output_of(what), colour: output::has_colour() };
    while left > 0 {
        let Some(message) =
            reader.poll(POLL).map_err(|error| anyhow::Error::new(error).context("reading ended"))?
        else {
            continue;
        };
        left -= 1;
        match printer.print(&message) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            other => other?,
        }
    }
    Ok(())
}

fn output_of(what: &Tail) -> Output {
    what.output.unwrap_or(if output::is_terminal() { Output::Pretty } else { Output::Json })
}

/// Says at once when nobody listens, which the Kafka client would only find out in the end.
fn reach(servers: &str) -> anyhow::Result<()> {
    let reached = servers.split(',').map(str::trim).any(|server| {
        let address = server.rsplit_once("://").map_or(server, |(_, address)| address);
        let addresses = address.to_socket_addrs().into_iter().flatten();
        addresses.into_iter().any(|addr| TcpStream::connect_timeout(&addr, CONNECT_PATIENCE).is_ok())
    });
    if reached {
        return Ok(());
    }
    bail!(
        "no Kafka listens at {servers}: start otlp2kafka in another terminal, or name your brokers with \
         --bootstrap-server HOST:PORT"
    );
}

/// Opens the topics that were named, or those of ours that are there.
fn open(what: &Tail, settings: &Settings) -> anyhow::Result<Reader> {
    let named = !what.topics.is_empty();
    let mut topics = if named { what.topics.clone() } else { settings.topics.clone() };
    topics.sort();
    topics.dedup();
    let surroundings = files::surroundings();
    loop {
        let opened = Reader::open(
            &settings.bootstrap_servers,
            &settings.properties,
            &surroundings,
            &topics,
            what.from_beginning,
            ANSWER_PATIENCE,
        );
        match opened {
            Ok(reader) => {
                if output::is_terminal() {
                    let since = if what.from_beginning { "from the beginning" } else { "from now on" };
                    output::complain(format_args!("reading {} {since}; stop with Ctrl-C", topics.join(", ")));
                }
                return Ok(reader);
            }
            Err(ReaderError::NoTopic { topic }) if named => bail!(
                "there is no topic {topic} at {}; the configured topics are {}",
                settings.bootstrap_servers,
                settings.topics.join(", ")
            ),
            Err(ReaderError::NoTopic { topic }) if topics.len() > 1 => topics.retain(|one| *one != topic),
            Err(ReaderError::NoTopic { .. }) => bail!(
                "none of the topics {} is at {} yet",
                settings.topics.join(", "),
                settings.bootstrap_servers
            ),
            Err(error @ (ReaderError::Properties { .. } | ReaderError::System(_))) => {
                return Err(error.into());
            }
            Err(error @ (ReaderError::Kafka(_) | ReaderError::NoAnswer { .. })) => {
                return Err(
                    anyhow!(error).context(format!("cannot read from {}", settings.bootstrap_servers))
                );
            }
        }
    }
}

/// Prints records one after the other.
struct Printer<'a> {
    what: &'a Tail,
    settings: &'a Settings,
    output: Output,
    colour: bool,
}

impl Printer<'_> {
    fn print(&self, message: &Message) -> io::Result<()> {
        let json = render::json(&message.value, self.what.format, self.signal(&message.topic));
        match (json, self.output) {
            (Some(mut json), Output::Json) => {
                json.push(b'\n');
                output::write(&json)
            }
            (Some(json), Output::Pretty) => {
                let text = String::from_utf8_lossy(&json);
                let head = pretty::dim(&head(message), self.colour);
                output::write(format!("{head}\n{}\n", pretty::indent(&text, self.colour)).as_bytes())
            }
            (None, _) => {
                let bytes = message.value.len();
                output::complain(format_args!("{}: not an OTLP request, {bytes} bytes", head(message)));
                Ok(())
            }
        }
    }

    /// What a topic holds, when it belongs to one signal alone.
    fn signal(&self, topic: &str) -> Option<Signal> {
        let topics = self.settings.topics.iter();
        let mut signals =
            topics.zip(Signal::ALL).filter(|(name, _)| *name == topic).map(|(_, signal)| signal);
        signals.next().filter(|_| signals.next().is_none())
    }
}

/// Which record it is, with its key and its headers.
fn head(message: &Message) -> String {
    let Message { topic, partition, offset, key, headers, .. } = message;
    let time = message.timestamp_ms.map(time::rfc_3339).unwrap_or_default();
    let mut head = format!("{topic} {partition} @ {offset}  {time}");
    if let Some(key) = key {
        head.push_str(&format!("  key {}", pretty::visible(key)));
    }
    for (name, value) in headers {
        let value = value.as_deref().map_or_else(|| "null".to_owned(), pretty::visible);
        head.push_str(&format!("  {}={value}", pretty::visible(name.as_bytes())));
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_records_head_has_its_key_and_headers_and_no_orders_for_the_terminal() {
        let mut message = Message {
            topic: "otlp-logs".into(),
            partition: 2,
            offset: 7,
            timestamp_ms: Some(0),
            key: None,
            headers: Vec::new(),
            value: Vec::new(),
        };
        assert_eq!(head(&message), "otlp-logs 2 @ 7  1970-01-01T00:00:00.000Z");
        message.key = Some(b"cart\x1b[2J".to_vec());
        message.headers = vec![
            ("tenant".into(), Some(b"gr\xc3\xbcn".to_vec())),
            ("raw".into(), Some(vec![0xff])),
            ("n".into(), None),
        ];
        let line = head(&message);
        assert!(line.ends_with("Z  key cart\\u001b[2J  tenant=grün  raw=0xff  n=null"), "{line}");
    }
}
