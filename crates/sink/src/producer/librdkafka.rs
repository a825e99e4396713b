//! Hop 7 through librdkafka: one client for all workers, one thread that serves its reports and replaces it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pipeline::{Outcome, RetryReason};
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::Notify;

mod classify;
mod log;
mod zero_copy;

#[cfg(test)]
mod tests;

use self::classify::Class;
use self::log::Bridge;
use self::zero_copy::{InFlight, Lender, Message};
use super::Record;
use crate::error::OpenError;

/// How long one turn of the serving thread waits for reports before it looks at its flags.
const TURN: Duration = Duration::from_millis(100);
/// The library is not made to ask for topics more often than this, nor for longer at a time.
const ASK_PAUSE: Duration = Duration::from_millis(500);
const ASK_TIMEOUT: Duration = Duration::from_millis(500);
/// A replaced producer's records get their reports within this time; without a fatal error they are sent first.
const RETIREMENT_MAX: Duration = Duration::from_secs(30);
/// Pause before a producer that did not live long is replaced; doubled each time up to the maximum.
const REPLACE_PAUSE_MIN: Duration = Duration::from_millis(50);
const REPLACE_PAUSE_MAX: Duration = Duration::from_secs(1);

/// A producer of librdkafka.
#[derive(Debug)]
pub(crate) struct Librdkafka {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Inner {
    properties: BTreeMap<String, String>,
    topics: [String; 4],
    /// Locked for the time of one call that does not wait. `None` after the end.
    lender: RwLock<Option<Arc<Lender<Reports>>>>,
    /// Largest batch in bytes that the topics take, as far as is known. Locked while the lender is replaced.
    batch_bytes_max: Mutex<usize>,
    signs: Arc<Signs>,
    replaced: AtomicU64,
    stop: AtomicBool,
    close_at: Mutex<Option<Instant>>,
}

/// What callbacks have seen.
#[derive(Debug, Default)]
struct Signs {
    /// A report or an error said that the producer can do no more.
    worn_out: AtomicBool,
    /// The last error that concerns connections, in words.
    trouble: Mutex<Option<String>>,
    /// What the library knows of the topics may be out of date.
    ask_again: AtomicBool,
    /// Something of the above changed.
    news: Notify,
}

/// Callbacks of one producer; they run on the serving thread.
#[derive(Debug)]
pub(crate) struct Reports {
    signs: Arc<Signs>,
    log: Bridge,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.log.line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        if classify::classify(code) == Class::Recreate {
            self.signs.worn_out.store(true, Ordering::Release);
        }
        let text = format!("{}: {reason}", classify::name(code));
        *self.signs.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        self.signs.news.notify_one();
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<InFlight>;

    fn delivery(&self, result: &DeliveryResult<'_>, in_flight: Box<InFlight>) {
        let outcome = match result {
            Ok(_) => Outcome::Stored,
            Err((error, _)) => match error.rdkafka_error_code() {
                Some(code) => self.refused(code),
                None => Outcome::Retry(RetryReason::Internal),
            },
        };
        in_flight.ack.resolve(outcome);
    }
}

impl Reports {
    fn refused(&self, code: RDKafkaErrorCode) -> Outcome {
        if classify::classify(code) == Class::Recreate {
            self.signs.worn_out.store(true, Ordering::Release);
        }
        // A topic that refused one record for want of rights is refused by the library until it has new metadata.
        self.signs.ask_again.store(true, Ordering::Release);
        self.signs.news.notify_one();
        classify::outcome(code)
    }
}

impl Librdkafka {
    /// The user's properties with the library's own bounds: `budget_bytes` bounds what is in it, so its limits lie
    /// above and it never refuses; `record_bytes` is the largest record.
    pub(crate) fn bounded(
        mut properties: BTreeMap<String, String>,
        (budget_bytes, record_bytes): (usize, usize),
        brokers_create: bool,
    ) -> BTreeMap<String, String> {
        let kilobytes = (budget_bytes / 1024).saturating_mul(2).saturating_add(64 << 10);
        properties.insert("queue.buffering.max.kbytes".into(), kilobytes.min(0x7FFF_FFFF).to_string());
        properties.insert("queue.buffering.max.messages".into(), "0".into());
        properties.insert("message.max.bytes".into(), record_bytes.max(1_000_000).to_string());
        // Topics are created by us, or by the brokers where the user leaves it to them.
        properties.insert("allow.auto.create.topics".into(), brokers_create.to_string());
        properties
    }

    /// Opens the client; Kafka need not be there. `properties` bear librdkafka's names.
    pub(crate) fn open(
        properties: BTreeMap<String, String>,
        topics: [String; 4],
        batch_bytes_max: usize,
    ) -> Result<Self, OpenError> {
        let signs = Arc::new(Signs::default());
        // A topic that takes larger batches than are made anyway is no reason for another producer.
        let batch_bytes_max = batch_bytes_max.min(configured_batch_bytes(&properties));
        let lender = create(&properties, &topics, batch_bytes_max, &signs)?;
        let inner = Arc::new(Inner {
            properties,
            topics,
            lender: RwLock::new(Some(Arc::new(lender))),
            batch_bytes_max: Mutex::new(batch_bytes_max),
            signs,
            replaced: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            close_at: Mutex::new(None),
        });
        let serving = Arc::clone(&inner);
        let thread =
            std::thread::Builder::new().name("kafka-reports".into()).spawn(move || serving.serve())?;
        Ok(Self { inner, thread: Mutex::new(Some(thread)) })
    }

    /// How often the producer was replaced after an error that it does not survive.
    pub(crate) fn replaced(&self) -> u64 {
        self.inner.replaced.load(Ordering::Relaxed)
    }

    /// Returns when the client has reported trouble or recovery since the last call.
    pub(crate) async fn news(&self) {
        self.inner.signs.news.notified().await;
    }

    /// The last trouble that the client reported since the last call, in words.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.inner.signs.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The library is to ask for the topics again: it believes what it once heard of them for long.
    pub(crate) fn ask_again(&self) {
        self.inner.signs.ask_again.store(true, Ordering::Release);
    }

    #[cfg(test)]
    pub(crate) fn lender(&self) -> Option<Arc<Lender<Reports>>> {
        self.inner.lender()
    }
}

impl Librdkafka {
    /// Takes the record without waiting.
    pub(crate) fn send(&self, record: Record) {
        let Record { signal, partition, key, value, timestamp_ms, ack, .. } = record;
        let message = Message {
            topic: signal.index(),
            partition: partition.unwrap_or(-1),
            key: key.as_ref().map(Bytes::as_ref),
            value,
            timestamp_ms,
            ack,
        };
        let lender = self.inner.lender.read().unwrap_or_else(PoisonError::into_inner);
        let Some(lender) = &*lender else {
            return message.ack.resolve(Outcome::Retry(RetryReason::Draining));
        };
        if let Err((code, ack)) = lender.send(message) {
            if classify::classify(code) == Class::Recreate {
                self.inner.signs.worn_out.store(true, Ordering::Release);
            }
            ack.resolve(classify::outcome(code));
        }
    }

    /// Keeps batches under what a topic takes.
    pub(crate) fn limit_batch(&self, bytes_max: usize) {
        let mut limit = self.inner.batch_bytes_max.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes_max >= *limit {
            return;
        }
        // At once, by the caller: what it sends next must not meet a batch of the old size. Where that fails, the next
        // refusal tries again.
        if self.inner.replace(None, bytes_max) {
            *limit = bytes_max;
            tracing::warn!(bytes_max, "batches are made smaller: a topic takes no larger ones");
        }
    }

    /// Waits until every record has its report, at most `limit`, then gives up what is left and stops. Blocks its
    /// thread.
    pub(crate) fn close(&self, limit: Duration) {
        *self.inner.close_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + limit);
        self.inner.stop.store(true, Ordering::Release);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the Kafka client ended with a panic");
        }
    }
}

impl Drop for Librdkafka {
    fn drop(&mut self) {
        // Whoever did not close it does not wait for it either: the thread gives up what is left and ends.
        self.inner.stop.store(true, Ordering::Release);
    }
}

impl Inner {
    fn lender(&self) -> Option<Arc<Lender<Reports>>> {
        self.lender.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn serve(&self) {
        let mut pause = REPLACE_PAUSE_MIN;
        let mut born = Instant::now();
        let mut asked = Instant::now();
        while !self.stop.load(Ordering::Acquire) {
            let Some(lender) = self.lender() else { return };
            lender.producer().poll(TURN);
            if asked.elapsed() > ASK_PAUSE && self.signs.ask_again.swap(false, Ordering::AcqRel) {
                self.ask(&lender);
                asked = Instant::now();
            }
            let Some(fatal) = self.fatal(&lender) else { continue };
            pause = if born.elapsed() > REPLACE_PAUSE_MAX { REPLACE_PAUSE_MIN } else { pause };
            lender.producer().poll(pause);
            pause = (pause * 2).min(REPLACE_PAUSE_MAX);
            drop(lender);
            let limit = self.batch_bytes_max.lock().unwrap_or_else(PoisonError::into_inner);
            if self.replace(Some(&fatal), *limit) {
                born = Instant::now();
                self.replaced.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    "the Kafka producer was replaced after an error that it does not survive: {fatal}"
                );
            }
        }
        self.finish();
    }

    /// Has the library ask for each topic anew; what it hears is not for us.
    fn ask(&self, lender: &Lender<Reports>) {
        for topic in &self.topics {
            if let Err(error) = lender.producer().client().fetch_metadata(Some(topic), ASK_TIMEOUT) {
                return tracing::debug!(%error, "no metadata for the producer");
            }
        }
    }

    /// The fatal error of the producer, in words.
    fn fatal(&self, lender: &Lender<Reports>) -> Option<String> {
        if !self.signs.worn_out.swap(false, Ordering::AcqRel) {
            return None;
        }
        let (code, reason) = lender.producer().client().fatal_error()?;
        Some(format!("{}: {reason}", classify::name(code)))
    }

    /// Puts a new producer in the place of the old. The caller holds the lock of `batch_bytes_max`.
    fn replace(&self, fatal: Option<&str>, batch_bytes_max: usize) -> bool {
        let fresh = match create(&self.properties, &self.topics, batch_bytes_max, &self.signs) {
            Ok(fresh) => Arc::new(fresh),
            Err(error) => {
                tracing::error!(%error, "the Kafka producer could not be replaced; trying again");
                self.signs.worn_out.store(fatal.is_some(), Ordering::Release);
                return false;
            }
        };
        let mut slot = self.lender.write().unwrap_or_else(PoisonError::into_inner);
        let Some(old) = slot.as_mut().map(|lender| std::mem::replace(lender, fresh)) else { return false };
        drop(slot);
        self.signs.news.notify_one();
        retire(old, fatal.is_none());
        true
    }

    /// Sends what is left within the time that `close` gave, then gives it up.
    fn finish(&self) {
        let Some(lender) = self.lender() else { return };
        let end = *self.close_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = end.map(|end| end.saturating_duration_since(Instant::now()))
            && let Err(error) = lender.producer().flush(left)
        {
            tracing::warn!(%error, records = lender.producer().in_flight_count(), "records are given up unsent");
        }
        // From here on records are refused at once; the last that came before is given up with the others.
        drop(self.lender.write().unwrap_or_else(PoisonError::into_inner).take());
        if !lender.give_up(RETIREMENT_MAX) {
            tracing::error!("the Kafka client did not report on all of its records");
        }
    }
}

/// Serves a replaced producer until its last report, then destroys it, which can wait for sockets.
fn retire(old: Arc<Lender<Reports>>, send_first: bool) {
    let work = move || {
        let wait = if send_first { RETIREMENT_MAX } else { Duration::ZERO };
        if old.producer().flush(wait).is_err() {
            old.give_up(RETIREMENT_MAX);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("kafka-retired".into()).spawn(work) {
        tracing::error!(%error, "no thread to end a replaced Kafka producer");
    }
}

/// librdkafka's own default of `batch.size`.
const BATCH_BYTES_DEFAULT: usize = 1_000_000;

fn configured_batch_bytes(properties: &BTreeMap<String, String>) -> usize {
    properties.get("batch.size").and_then(|bytes| bytes.parse().ok()).unwrap_or(BATCH_BYTES_DEFAULT)
}

fn create(
    properties: &BTreeMap<String, String>,
    topics: &[String; 4],
    batch_bytes_max: usize,
    signs: &Arc<Signs>,
) -> Result<Lender<Reports>, OpenError> {
    let mut config = ClientConfig::new();
    for (name, value) in properties {
        config.set(name, value);
    }
    let configured = configured_batch_bytes(properties);
    config.set("batch.size", configured.min(batch_bytes_max).max(1).to_string());
    config.set_log_level(RDKafkaLogLevel::Info);
    let context = Reports { signs: Arc::clone(signs), log: Bridge::default() };
    let producer = BaseProducer::from_config_and_context(&config, context)?;
    Lender::new(producer, topics)
}
