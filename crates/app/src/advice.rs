//! One clear line for an address that cannot be bound: which key names it, and what to do.

use std::io::{self, ErrorKind};

/// Who asked for the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A receiver.
    Receiver,
    /// The REST API.
    Rest,
    /// The embedded broker.
    Broker,
}

/// The line. `option` is what sets another port, without its value: `otlp.grpc.port=`.
pub(crate) fn cannot_listen(asker: Asker, key: &str, at: &str, port: u16, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => {
            let todo = match asker {
                Asker::Receiver => {
                    "stop the program that listens there (another otlp2kafka, an OpenTelemetry Collector?)"
                }
                Asker::Rest => "stop the program that listens there (another otlp2kafka, Kafka Connect?)",
                Asker::Broker => {
                    "to write to the Kafka that listens there, add -o bootstrap.servers=127.0.0.1:"
                }
            };
            let own_kafka = if asker == Asker::Broker { port.to_string() } else { String::new() };
            format!(
                "{key}: {at} is in use; {todo}{own_kafka}, or choose another port with {}",
                option(asker, key, port)
            )
        }
        ErrorKind::PermissionDenied => format!(
            "{key}: no permission to listen on {at}; ports below 1024 need it, choose another with {}",
            option(asker, key, port)
        ),
        ErrorKind::AddrNotAvailable => {
            let key = if asker == Asker::Receiver { "otlp.bind.address" } else { key };
            format!("{key}: {at} is not an address of this machine; 0.0.0.0 stands for all of them")
        }
        _ => format!("{key}: cannot listen on {at}: {}", crate::files::plain(error)),
    }
}

/// The option that chooses a port which is probably free.
fn option(asker: Asker, key: &str, port: u16) -> String {
    let other = port.checked_add(10_000).unwrap_or_else(|| port - 10_000);
    match asker {
        Asker::Receiver | Asker::Broker => format!("-o {key}={other}"),
        Asker::Rest => format!("-o {key}=http://:{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_to_do() {
        let in_use = io::Error::from(ErrorKind::AddrInUse);
        let line = |asker, key, at, port| cannot_listen(asker, key, at, port, &in_use);
        assert_eq!(
            line(Asker::Receiver, "otlp.grpc.port", "127.0.0.1:4317", 4317),
            "otlp.grpc.port: 127.0.0.1:4317 is in use; stop the program that listens there (another otlp2kafka, an \
             OpenTelemetry Collector?), or choose another port with -o otlp.grpc.port=14317"
        );
        assert_eq!(
            line(Asker::Broker, "dev.broker.port", "127.0.0.1:9092", 9092),
            "dev.broker.port: 127.0.0.1:9092 is in use; to write to the Kafka that listens there, add -o \
             bootstrap.servers=127.0.0.1:9092, or choose another port with -o dev.broker.port=19092"
        );
        assert_eq!(
            line(Asker::Rest, "listeners", "0.0.0.0:60000", 60000),
            "listeners: 0.0.0.0:60000 is in use; stop the program that listens there (another otlp2kafka, Kafka \
             Connect?), or choose another port with -o listeners=http://:50000"
        );
        let elsewhere = io::Error::from(ErrorKind::AddrNotAvailable);
        assert_eq!(
            cannot_listen(Asker::Receiver, "otlp.grpc.port", "192.0.2.1:4317", 4317, &elsewhere),
            "otlp.bind.address: 192.0.2.1:4317 is not an address of this machine; 0.0.0.0 stands for all of them"
        );
    }
}
