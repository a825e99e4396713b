//! `otlp2kafka check`: whether the configuration is right, what would be in force, and whether Kafka is there.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use pipeline::{Budget, Gate, Health, Metrics, Shared, drain};
use sink::Sink;

use crate::cli::Configuration;
use crate::settings::{self, Origin, Settings, Sources};
use crate::{BLOCKING_THREADS, control_runtime, output};

/// How long Kafka may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Checks and prints; starts nothing and creates nothing.
///
/// # Errors
///
/// Mistakes in the configuration; Kafka that cannot be reached or lacks a topic that would not be created.
pub(crate) fn check(configuration: &Configuration) -> anyhow::Result<()> {
    let sources = Sources::of_process(&configuration.files, &configuration.options.options);
    let settings = settings::load(&sources)?;
    output::say(&found(&settings));
    if let Some(port) = settings.embedded {
        output::say(&format!("Kafka: the embedded broker would listen on 127.0.0.1:{port}\n"));
        return Ok(());
    }
    let several = settings.connectors.len() > 1;
    let mut trouble = false;
    for connector in settings.connectors {
        let servers = connector.plan.sink.bootstrap().to_owned();
        let report = control_runtime(BLOCKING_THREADS)?.block_on(async {
            let sink = Sink::open(connector.plan.sink, shared())?;
            let report = sink.check(PATIENCE).await;
            sink.close(Duration::ZERO).await;
            anyhow::Ok(report)
        })?;
        let whose =
            if several { format!(", connector {}", connector.definition.name) } else { String::new() };
        let mut text = format!("Kafka at {servers}{}\n", whose.escape_debug());
        for line in report.to_string().lines() {
            text.push_str(&format!("  {line}\n"));
        }
        output::say(&text);
        trouble |= report.trouble.is_some();
    }
    if trouble {
        bail!("Kafka is not ready for this configuration");
    }
    Ok(())
}

/// What the configuration says, for people.
fn found(settings: &Settings) -> String {
    let mut text = "Configuration: no mistakes\n".to_owned();
    let width = settings.in_force.iter().map(|one| one.key.len()).max().unwrap_or(0);
    for one in &settings.in_force {
        let value = one.value.escape_debug();
        let origin = match &one.origin {
            Origin::Default => "the default here".to_owned(),
            given => given.to_string(),
        };
        text.push_str(&format!("  {:<width$} = {value}  ({origin})\n", one.key));
    }
    if settings.in_force.is_empty() {
        text.push_str("  all keys have their defaults\n");
    }
    let notes = settings.connectors.iter().flat_map(|connector| connector.plan.sink.notes());
    for word in settings.words.iter().chain(notes) {
        text.push_str(&format!("  note: {}\n", word.escape_debug()));
    }
    text
}

/// What the sink needs to open; no request will come.
fn shared() -> Arc<Shared> {
    let (_switch, drain) = drain();
    Arc::new(Shared {
        budget: Budget::new(64 << 20, 32 << 20),
        gate: Arc::new(Gate::new(1)),
        metrics: Arc::new(Metrics::default()),
        health: Arc::new(Health::default()),
        drain,
    })
}
