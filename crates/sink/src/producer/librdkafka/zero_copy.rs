//! Hop 7: librdkafka reads a record's value where it lies, until its delivery report. The only unsafe code here.
//!
//! The crate `rdkafka` has every value copied. Here `rd_kafka_producev` is called with neither
//! `RD_KAFKA_MSG_F_COPY` nor `RD_KAFKA_MSG_F_FREE`: the library keeps the pointer and never frees it. The
//! value's [`Bytes`] travel with the record's [`Ack`] in a box whose address is the message's opaque
//! pointer; the crate's delivery callback turns the pointer back into the box, once a message, which ends
//! the loan. Proof obligations, each with its test:
//!
//! 1. a message that was accepted gets exactly one delivery report, also on purge, timeout and close;
//! 2. a message that was refused gets none, and its box is taken back here;
//! 3. after the report the library does not read the value;
//! 4. topic handles are destroyed before the client they belong to.

#![expect(unsafe_code, reason = "the loan of the value is not expressible in the crate's safe interface")]

use std::ffi::{CString, c_void};
use std::fmt;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pipeline::Ack;
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext, PurgeConfig};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr, RDKafkaTopic};
use rdkafka::util::IntoOpaque;
use rdkafka_sys::rd_kafka_vtype_t;

use crate::error::OpenError;

/// What a message carries from the call to its report.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// Lent to the library; dropped with the box.
    _value: Bytes,
    pub(crate) ack: Ack,
}

/// A message to send.
pub(crate) struct Message<'a> {
    /// Index of its topic.
    pub(crate) topic: usize,
    /// -1: the partitioner chooses.
    pub(crate) partition: i32,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Bytes,
    pub(crate) timestamp_ms: i64,
    pub(crate) ack: Ack,
}

/// A producer and its topics.
pub(crate) struct Lender<C: ProducerContext<DeliveryOpaque = Box<InFlight>> + 'static> {
    // Obligation 4: fields are dropped in this order.
    topics: Vec<Topic>,
    producer: BaseProducer<C>,
}

/// A topic's handle in the library, which counts its references.
struct Topic(NonNull<RDKafkaTopic>);

// SAFETY: librdkafka locks its topic handles itself (INTRODUCTION.md, "Threads and callbacks").
unsafe impl Send for Topic {}
// SAFETY: as above.
unsafe impl Sync for Topic {}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: the handle came from `rd_kafka_topic_new` and its client is alive (obligation 4).
        unsafe { rdkafka_sys::rd_kafka_topic_destroy(self.0.as_ptr()) };
    }
}

impl<C: ProducerContext<DeliveryOpaque = Box<InFlight>> + 'static> Lender<C> {
    /// Takes the producer; `names` are the topics that [`Message::topic`] counts.
    pub(crate) fn new(producer: BaseProducer<C>, names: &[String]) -> Result<Self, OpenError> {
        let topics = names.iter().map(|name| topic(&producer, name)).collect::<Result<_, _>>()?;
        Ok(Self { topics, producer })
    }

    /// The producer, for all that is safe.
    pub(crate) fn producer(&self) -> &BaseProducer<C> {
        &self.producer
    }

    /// Hands the message to the library without copying its value and without waiting.
    ///
    /// # Errors
    ///
    /// The library's reason, and the message's ack, when it does not take the message.
    pub(crate) fn send(&self, message: Message<'_>) -> Result<(), (RDKafkaErrorCode, Ack)> {
        let Message { topic, partition, key, value, timestamp_ms, ack } = message;
        let (value_ptr, value_bytes) = (value.as_ptr().cast_mut().cast::<c_void>(), value.len());
        let (key_ptr, key_bytes) = match key {
            Some(key) => (key.as_ptr().cast_mut().cast::<c_void>(), key.len()),
            None => (ptr::null_mut(), 0),
        };
        let opaque = Box::new(InFlight { _value: value, ack }).into_ptr();
        // SAFETY: the list of arguments is one that rdkafka.h allows, each of the C type it names. The key is
        // copied by the library. The value stays where it is while the box lives: `Bytes` never move what
        // they refer to, and nobody writes to it. The library only reads it, although it asks for `*mut`.
        let refused = unsafe {
            rdkafka_sys::rd_kafka_producev(
                self.producer.client().native_ptr(),
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_RKT,
                self.topics[topic].0.as_ptr(),
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION,
                partition,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS,
                0_i32,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE,
                value_ptr,
                value_bytes,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_KEY,
                key_ptr,
                key_bytes,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_OPAQUE,
                opaque,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_TIMESTAMP,
                timestamp_ms,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
            )
        };
        if refused == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Ok(());
        }
        // SAFETY: obligation 2, the library has forgotten the pointer, which is the box made above.
        let InFlight { ack, .. } = *unsafe { Box::<InFlight>::from_ptr(opaque) };
        Err((refused.into(), ack))
    }

    /// Gives up all messages and serves their reports. Whether every report came.
    pub(crate) fn give_up(&self, limit: Duration) -> bool {
        self.producer.purge(PurgeConfig::default().queue().inflight());
        let end = Instant::now() + limit;
        while self.producer.in_flight_count() > 0 {
            if Instant::now() >= end {
                return false;
            }
            self.producer.poll(Duration::from_millis(10));
        }
        true
    }
}

impl<C: ProducerContext<DeliveryOpaque = Box<InFlight>> + 'static> Drop for Lender<C> {
    fn drop(&mut self) {
        // The library drops messages that are left now without a report: their boxes stay forever, which is a
        // leak and no error of memory.
        const REPORTS_WAIT: Duration = Duration::from_secs(5);
        if !self.give_up(REPORTS_WAIT) {
            tracing::error!("the Kafka client did not report on all of its records; their memory is lost");
        }
    }
}

impl<C: ProducerContext<DeliveryOpaque = Box<InFlight>> + 'static> fmt::Debug for Lender<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lender").field("topics", &self.topics.len()).finish_non_exhaustive()
    }
}

fn topic<C: ProducerContext<DeliveryOpaque = Box<InFlight>> + 'static>(
    producer: &BaseProducer<C>,
    name: &str,
) -> Result<Topic, OpenError> {
    let refused = || OpenError::Topic { topic: name.to_owned() };
    let name = CString::new(name).map_err(|_| refused())?;
    // SAFETY: a live client, a terminated string, and no configuration: the client's default is taken.
    let handle = unsafe {
        rdkafka_sys::rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), ptr::null_mut())
    };
    NonNull::new(handle).map(Topic).ok_or_else(refused)
}

#[cfg(test)]
mod tests;
