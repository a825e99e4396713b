//! The command line: what can be asked for, and the text of `--help`.

use clap::{Args, Parser, Subcommand, ValueEnum};

const ABOUT: &str = "Receives OpenTelemetry data (OTLP over gRPC and HTTP) and writes it to Apache Kafka.";

const LONG_ABOUT: &str = "\
Receives OpenTelemetry data (OTLP over gRPC and HTTP) and writes it to Apache Kafka: one export
request becomes one record by default, in the topic of its signal. A sender gets success only after
Kafka has the data.

Without arguments everything runs on this machine and nowhere else: OTLP/gRPC on 4317, OTLP/HTTP on
4318, the REST API on 8083 and a small embedded Kafka broker on 9092 that keeps its data in
./otlp2kafka-data. Point any OpenTelemetry SDK at it and read the topics with 'otlp2kafka tail'.";

const AFTER_HELP: &str = "\
Examples:
  otlp2kafka
      try it on this machine, with the embedded broker
  otlp2kafka -o bootstrap.servers=kafka-1:9092,kafka-2:9092
      write to a Kafka cluster, everything else by default
  otlp2kafka worker.properties connector.json
      as connect-standalone takes them
  otlp2kafka check worker.properties connector.json
      say what is wrong, or what would be in force, and whether Kafka can be reached
  otlp2kafka tail otlp-traces --from-beginning
      print what is in a topic, and follow it

Configuration, later wins: the files, the environment (CONNECT_BOOTSTRAP_SERVERS or
OTLP2KAFKA_BOOTSTRAP_SERVERS for bootstrap.servers; '_' is '.', '__' is '-', '___' is '_'), -o.
Frequent keys: bootstrap.servers, otlp.grpc.port, otlp.http.port, otlp.bind.address,
otlp.message.format (json, otlp_json, protobuf), kafka.topic.traces, kafka.topic.metrics,
kafka.topic.logs, kafka.topic.profiles, otlp.memory.max.bytes, listeners, data.dir,
dev.broker.port, log.level, log.format.

Exit codes: 0 after a clean shutdown, 64 when the configuration or the command line is wrong,
1 otherwise.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "otlp2kafka",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: Configuration,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Receive and write until told to stop (this is also what happens without a command)
    Run(Configuration),
    /// Check the configuration and whether Kafka can be reached, start nothing
    Check(Configuration),
    /// Print the records of our topics as readable text, and follow them
    Tail(Tail),
    /// Run the embedded broker alone
    Broker(Options),
    /// Print the page of all configuration keys
    Keys,
}

/// Where the configuration comes from.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Configuration {
    /// Worker properties, then a connector file, as connect-standalone takes them
    ///
    /// The connector file is JSON or properties. A first file that ends in .json is the connector's.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<String>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// Single keys.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Options {
    /// Set one configuration key; wins over files and environment; may be repeated
    #[arg(short = 'o', long = "option", value_name = "KEY=VALUE")]
    pub(crate) options: Vec<String>,
}

/// What to print.
#[derive(Debug, Clone, Args)]
pub(crate) struct Tail {
    /// Topics; without one, all of our topics that exist
    #[arg(value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// Brokers [default: those of the configuration, else 127.0.0.1:9092]
    #[arg(long, value_name = "HOST:PORT,…")]
    pub(crate) bootstrap_server: Option<String>,
    /// Begin with the oldest record, not with the next one
    #[arg(long)]
    pub(crate) from_beginning: bool,
    /// Stop after so many records
    #[arg(long, value_name = "N")]
    pub(crate) max_messages: Option<u64>,
    /// How the values are written [default: found out record by record]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// How to print [default: pretty on a terminal, else json]
    #[arg(long, value_name = "OUTPUT")]
    pub(crate) output: Option<Output>,
    /// The worker properties that name the brokers and how to reach them
    #[arg(long, value_name = "FILE")]
    pub(crate) worker: Option<String>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// How a record's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text as JSON, in either mapping
    #[value(alias = "otlp_json")]
    Json,
    /// Protobuf, raw or in base64
    Protobuf,
}

/// How a record is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A header line, then the value over several lines
    Pretty,
    /// The value alone, one line a record, for jq and its like
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn files_without_a_command_run_them() {
        let cli = Cli::try_parse_from(["otlp2kafka", "w.properties", "c.json", "-o", "a=b"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.run.files, ["w.properties", "c.json"]);
        assert_eq!(cli.run.options.options, ["a=b"]);
        let cli = Cli::try_parse_from(["otlp2kafka", "run", "w.properties"]).unwrap();
        assert!(matches!(cli.command, Some(Command::Run(run)) if run.files == ["w.properties"]));
        let cli = Cli::try_parse_from(["otlp2kafka"]).unwrap();
        assert!(cli.command.is_none() && cli.run.files.is_empty());
    }
}
