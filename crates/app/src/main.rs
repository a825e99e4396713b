//! The program `otlp2kafka`: from the command line to one of its commands, and its exit code.
//!
//! ```text
//!  cli ─► settings ─┬─► build ─► run      receive and write (connectors, with embedded, banner, progress)
//!                   ├─► check             say what is wrong or would be in force
//!                   ├─► tail              print what is in the topics
//!                   └─► broker            the embedded broker alone
//! ```

mod allocator;
mod cli;
mod settings;

mod build;
mod connectors;
mod plugin;
mod run;

mod advice;
mod banner;
mod embedded;
mod producers;
mod progress;

mod broker;
mod check;
mod tail;

mod files;
mod logging;
mod output;
mod reference;
mod reference_metrics;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use cli::{Cli, Command, Configuration};
use settings::{Mistakes, Sources};

/// `EX_USAGE` of sysexits(3): what was asked for is wrong.
const EXIT_USAGE: u8 = 64;
/// Threads for work that blocks, where there is no connector: names of hosts, files.
pub(crate) const BLOCKING_THREADS: usize = 4;
/// And for each connector: it may look up names for both its Kafka clients, twice while one configuration replaces
/// another. Where names are answered slowly, or never, REST's own work must not wait for that.
const BLOCKING_THREADS_OF_CONNECTOR: usize = 4;

fn main() -> ExitCode {
    allocator::give_back_soon();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Where even that cannot be printed, the exit code still says it.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { EXIT_USAGE } else { 0 });
        }
    };
    let result = match cli.command {
        None => run(&cli.run),
        Some(Command::Run(configuration)) => run(&configuration),
        Some(Command::Check(configuration)) => check::check(&configuration),
        Some(Command::Tail(what)) => tail::tail(&what),
        Some(Command::Broker(options)) => broker::broker(&options),
        Some(Command::Keys) => {
            output::say(&reference::page());
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(format_args!("otlp2kafka: {}", chain(&error)));
            ExitCode::from(if error.is::<Mistakes>() { EXIT_USAGE } else { 1 })
        }
    }
}

/// An error with its causes, each once: some repeat their cause's text in their own.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text.push_str(&format!(": {cause}"));
        }
    }
    text
}

fn run(configuration: &Configuration) -> anyhow::Result<()> {
    let sources = Sources::of_process(&configuration.files, &configuration.options.options);
    let settings = settings::load(&sources)?;
    let loggers = logging::start(settings.log);
    let names = settings.connectors_max.saturating_mul(BLOCKING_THREADS_OF_CONNECTOR);
    let runtime = control_runtime(names.saturating_add(BLOCKING_THREADS))?;
    let result = runtime.block_on(run::run(settings, loggers));
    // Nothing that still blocks may hold up the exit.
    runtime.shutdown_background();
    result
}

/// The runtime of everything but the data: one thread, and at most so many that block.
fn control_runtime(blocking_threads_max: usize) -> anyhow::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(blocking_threads_max)
        .build()
        .context("no runtime")
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::chain;

    #[test]
    fn each_cause_is_said_once() {
        let error = anyhow!("refused").context("cannot connect: refused").context("no Kafka");
        assert_eq!(chain(&error), "no Kafka: cannot connect: refused");
        assert_eq!(chain(&anyhow!("b").context("a")), "a: b");
    }
}
