//! `otlp2kafka broker`: the embedded broker alone.

use crate::cli::Options;
use crate::embedded::{self, Embedded};
use crate::run::Signals;
use crate::settings::{self, Sources};
use crate::{BLOCKING_THREADS, control_runtime, logging, output};

/// Runs the broker until a signal.
///
/// # Errors
///
/// Mistakes in the configuration; what keeps the broker from starting.
pub(crate) fn broker(options: &Options) -> anyhow::Result<()> {
    let settings = settings::load(&Sources::of_process(&[], &options.options))?;
    logging::start(settings.log);
    let Some(port) = settings.embedded else {
        anyhow::bail!("bootstrap.servers names a Kafka elsewhere; the embedded broker runs without it");
    };
    control_runtime(BLOCKING_THREADS)?.block_on(async {
        let mut signals = Signals::install()?;
        let mut broker = Embedded::start(port, &settings.data_dir, settings.record_bytes_max()).await?;
        output::say(&format!(
            "otlp2kafka's embedded broker, to try things out, not for production, listens on {}\n\
             its data is in {}\n",
            broker.addr(),
            embedded::folder(&settings.data_dir).display()
        ));
        tokio::select! {
            _ = signals.next() => {}
            () = broker.ended() => anyhow::bail!("the embedded broker has ended"),
        }
        broker.shutdown().await;
        Ok(())
    })
}
