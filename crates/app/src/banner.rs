//! What the process says when it listens: where, into which topics, where the data is, what to try next.

use std::net::SocketAddr;
use std::path::PathBuf;

/// What there is to say.
#[derive(Debug)]
pub(crate) struct Banner {
    pub(crate) connectors: Vec<Receives>,
    pub(crate) rest: Vec<SocketAddr>,
    pub(crate) kafka: Kafka,
    pub(crate) memory_bytes: usize,
    /// Whether to show what to try next.
    pub(crate) laptop: bool,
}

/// What one connector does.
#[derive(Debug)]
pub(crate) struct Receives {
    pub(crate) name: String,
    pub(crate) grpc: Option<SocketAddr>,
    pub(crate) http: Option<SocketAddr>,
    /// In the order of `Signal::ALL`.
    pub(crate) topics: Vec<String>,
    pub(crate) format: String,
    /// Why it does not do all that it should.
    pub(crate) failure: Option<String>,
}

/// Where the records go.
#[derive(Debug)]
pub(crate) enum Kafka {
    /// To the broker that this process brings.
    Embedded { addr: SocketAddr, data: PathBuf },
    /// To brokers elsewhere.
    Cluster { bootstrap_servers: String },
}

/// The span of the first trial: the trace id is the one that the W3C and OpenTelemetry documents use.
const TRIAL: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my-test-service"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"test-operation","kind":1,"startTimeUnixNano":"1704067200000000000","endTimeUnixNano":"1704067201000000000"}]}]}]}"#;

impl Banner {
    /// The text for people.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("otlp2kafka {} is listening\n\n", env!("CARGO_PKG_VERSION"));
        let mut row = |what: &str, at: &str, more: &str| {
            let line = format!("  {what:<12}{at:<23}{more}");
            text.push_str(line.trim_end());
            text.push('\n');
        };
        for connector in &self.connectors {
            if self.connectors.len() > 1 {
                row("Connector", &connector.name.escape_debug().to_string(), "");
            }
            if let Some(addr) = connector.grpc {
                row("OTLP/gRPC", &addr.to_string(), "");
            }
            if let Some(addr) = connector.http {
                row(
                    "OTLP/HTTP",
                    &addr.to_string(),
                    "/v1/traces  /v1/metrics  /v1/logs  /v1development/profiles",
                );
            }
            if self.connectors.len() > 1 {
                row("Topics", &connector.topics.join("  "), "");
                row("Format", &connector.format, "");
            }
            for why in connector.failure.iter().flat_map(|why| why.lines()) {
                row("Not yet", &why.escape_debug().to_string(), "");
            }
        }
        for addr in &self.rest {
            row("REST", &addr.to_string(), "/connectors  /readyz  /metrics");
        }
        match &self.kafka {
            Kafka::Embedded { addr, data } => {
                row("Kafka", &addr.to_string(), "embedded broker, to try things out, not for production");
                row("", "", &format!("its data is in {}", data.display()));
            }
            Kafka::Cluster { bootstrap_servers } => row("Kafka", bootstrap_servers, ""),
        }
        if let [connector] = self.connectors.as_slice() {
            row("Topics", &connector.topics.join("  "), "");
            row("Format", &connector.format, "");
        }
        row("Memory", &format!("{} MiB for requests", self.memory_bytes >> 20), "");
        if self.laptop {
            self.trial(&mut text);
        }
        text.push('\n');
        text
    }

    /// What to try next.
    fn trial(&self, text: &mut String) {
        let first = self.connectors.first();
        let (grpc, http) = (first.and_then(|first| first.grpc), first.and_then(|first| first.http));
        if let Some(http) = http {
            text.push_str("\nSend a span:\n");
            text.push_str(&format!(
                "  curl -i http://{http}/v1/traces -H 'Content-Type: application/json' -d '{TRIAL}'\n"
            ));
        }
        text.push_str("See it in its topic, in another terminal:\n");
        text.push_str("  otlp2kafka tail --from-beginning");
        if let Kafka::Embedded { addr, .. } = &self.kafka
            && addr.port() != 9092
        {
            text.push_str(&format!(" --bootstrap-server {addr}"));
        }
        text.push_str("\nSend your own: set OTEL_EXPORTER_OTLP_ENDPOINT in your program to ");
        match (http, grpc) {
            (Some(http), Some(grpc)) => {
                text.push_str(&format!("http://{grpc} (gRPC) or http://{http} (HTTP)\n"));
            }
            (Some(one), None) | (None, Some(one)) => text.push_str(&format!("http://{one}\n")),
            (None, None) => text.push('\n'),
        }
        text.push_str("Stop with Ctrl-C.\n");
    }

    /// The same as one log line.
    pub(crate) fn log(&self) {
        let show = |addr: Option<SocketAddr>| addr.map(|addr| addr.to_string());
        for connector in &self.connectors {
            tracing::info!(
                connector = connector.name,
                grpc = show(connector.grpc),
                http = show(connector.http),
                topics = connector.topics.join(","),
                format = connector.format,
                failure = connector.failure,
                "receiving"
            );
        }
        let (kafka, data) = match &self.kafka {
            Kafka::Embedded { addr, data } => (addr.to_string(), Some(data.display().to_string())),
            Kafka::Cluster { bootstrap_servers } => (bootstrap_servers.clone(), None),
        };
        let rest: Vec<String> = self.rest.iter().map(ToString::to_string).collect();
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            rest = rest.join(","),
            kafka,
            embedded_broker_data = data,
            memory_bytes = self.memory_bytes,
            "listening"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laptop() -> Banner {
        let addr = |text: &str| text.parse::<SocketAddr>().unwrap();
        Banner {
            connectors: vec![Receives {
                name: "otlp-source".into(),
                grpc: Some(addr("127.0.0.1:4317")),
                http: Some(addr("127.0.0.1:4318")),
                topics: ["otlp-traces", "otlp-metrics", "otlp-logs", "otlp-profiles"]
                    .map(str::to_owned)
                    .into(),
                format: "json".into(),
                failure: None,
            }],
            rest: vec![addr("127.0.0.1:8083")],
            kafka: Kafka::Embedded { addr: addr("127.0.0.1:9092"), data: "./otlp2kafka-data/broker".into() },
            memory_bytes: 256 << 20,
            laptop: true,
        }
    }

    #[test]
    fn a_newcomer_sees_where_to_go() {
        let expected = format!(
            "otlp2kafka {} is listening

  OTLP/gRPC   127.0.0.1:4317
  OTLP/HTTP   127.0.0.1:4318         /v1/traces  /v1/metrics  /v1/logs  /v1development/profiles
  REST        127.0.0.1:8083         /connectors  /readyz  /metrics
  Kafka       127.0.0.1:9092         embedded broker, to try things out, not for production
                                     its data is in ./otlp2kafka-data/broker
  Topics      otlp-traces  otlp-metrics  otlp-logs  otlp-profiles
  Format      json
  Memory      256 MiB for requests

Send a span:
  curl -i http://127.0.0.1:4318/v1/traces -H 'Content-Type: application/json' -d '{TRIAL}'
See it in its topic, in another terminal:
  otlp2kafka tail --from-beginning
Send your own: set OTEL_EXPORTER_OTLP_ENDPOINT in your program to http://127.0.0.1:4317 (gRPC) or http://127.0.0.1:4318 (HTTP)
Stop with Ctrl-C.

",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(laptop().text(), expected);
    }

    #[test]
    fn a_worker_says_only_what_is_so() {
        let kafka = Kafka::Cluster { bootstrap_servers: "kafka-1:9092,kafka-2:9092".into() };
        let mut banner = Banner { kafka, laptop: false, ..laptop() };
        banner.connectors[0].grpc = None;
        let text = banner.text();
        assert!(text.contains("\n  Kafka       kafka-1:9092,kafka-2:9092\n"), "{text}");
        assert!(!text.contains("gRPC") && !text.contains("curl") && !text.contains("embedded"), "{text}");
        assert!(!text.contains("Connector"), "{text}");
    }

    #[test]
    fn several_connectors_are_told_apart() {
        let mut banner = laptop();
        banner.connectors.extend(laptop().connectors);
        banner.connectors[1].name = "prod\u{7}".into();
        banner.connectors[1].failure = Some("otlp.grpc.port: taken".into());
        let text = banner.text();
        assert!(text.contains("\n  Connector   otlp-source\n"), "{text}");
        assert!(text.contains("\n  Connector   prod\\u{7}\n"), "{text}");
        assert!(text.contains("\n  Not yet     otlp.grpc.port: taken\n"), "{text}");
    }

    #[test]
    fn the_trial_is_json() {
        let span: serde_json::Value = serde_json::from_str(TRIAL).unwrap();
        assert_eq!(span["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"], "test-operation");
    }
}
