//! Hop 7: metadata, asked for when somebody misses something and after some time anyway.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kafka_wire::ErrorCode;
use kafka_wire::messages::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use tokio::time::{Instant, sleep, timeout};

use super::{Answered, Cluster, View, lock};
use crate::backoff::Backoff;
use crate::{Error, HostPort};

/// Leader epochs of older answers are not believed. Brokers before Kafka 2.4 give some that are out of date
/// (KAFKA-9212; those answer below version 9). And a topic that was made anew begins with epoch 0, which only its id,
/// from version 10 on, tells from one of long ago.
const EPOCHS_FROM: i16 = 10;

impl Cluster {
    /// Asks for new metadata without waiting for it. Many who ask at once get one answer; without [`Self::run`]
    /// nothing comes of it.
    pub fn refresh_soon(&self) {
        self.inner.wanted.notify_one();
    }

    /// Asks for new metadata now, and shows it to all.
    ///
    /// # Errors
    ///
    /// As [`Self::ask_any`]; [`Error::Protocol`] for metadata that contradicts itself, which is not shown.
    pub async fn refresh(&self) -> Result<(), Error> {
        let topics = lock(&self.inner.interest)
            .iter()
            .map(|name| MetadataRequestTopic { name: Some(name.clone()), ..Default::default() })
            .collect();
        let request = MetadataRequest {
            topics: Some(topics),
            allow_auto_topic_creation: self.inner.brokers_create.load(Ordering::Relaxed),
            ..Default::default()
        };
        let answered = self.ask_anyone(&request).await?;
        let broker = answered.broker.clone();
        let seen = match self.seen(answered) {
            Ok(seen) => seen,
            Err(error) => {
                self.distrust(&broker).await;
                return self.note(Err(error));
            }
        };
        lock(&self.inner.distrusted).clear();
        *lock(&self.inner.trouble) = None;
        lock(&self.inner.links).retain(|id, _| seen.brokers.contains_key(id));
        self.inner.view.send_replace(Arc::new(seen));
        Ok(())
    }

    /// The view after an answer that is good.
    fn seen(&self, answered: Answered<MetadataResponse>) -> Result<View, Error> {
        let Answered { mut answer, version, broker } = answered;
        if !answer.error_code.is_none() {
            let (what, code) = ("metadata".to_owned(), answer.error_code);
            return Err(Error::Refused { what, code, message: None });
        }
        if version < EPOCHS_FROM {
            for partition in answer.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
                partition.leader_epoch = -1;
            }
        }
        let interest = lock(&self.inner.interest).clone();
        let seen = self.view().followed_by(answer, &interest);
        let seen = seen.map_err(|why| Error::Protocol { broker, why });
        seen.inspect_err(|error| tracing::warn!(%error, "metadata refused"))
    }

    /// The next metadata comes from another broker, if any other answers: this one may say the same for good.
    async fn distrust(&self, broker: &HostPort) {
        {
            let mut distrusted = lock(&self.inner.distrusted);
            if !distrusted.contains(broker) {
                distrusted.push(broker.clone());
            }
        }
        self.inner.control.lock().await.leave(broker);
    }

    /// Keeps the view fresh, until it is dropped: asks when somebody wants it, but not more often than every retry
    /// pause, and after the maximum age.
    pub async fn run(&self) {
        let mut backoff = Backoff::new(self.inner.settings.retry_backoff);
        loop {
            let asked = Instant::now();
            let refreshed = self.refresh().await;
            sleep(backoff.next()).await;
            match refreshed {
                Ok(()) => {}
                Err(error) => {
                    tracing::debug!(%error, "no metadata");
                    continue;
                }
            }
            let electing =
                self.view().topics.values().any(|topic| topic.error == Some(ErrorCode::LEADER_NOT_AVAILABLE));
            if electing {
                continue;
            }
            let age_left = self.inner.settings.metadata_max_age.saturating_sub(asked.elapsed());
            // Whether somebody asked or the time is over: both end in new metadata.
            drop(timeout(age_left, self.inner.wanted.notified()).await);
            // KIP-580: pauses grow only while requests follow each other closely.
            if asked.elapsed() > self.inner.settings.retry_backoff.1 * 2 {
                backoff.reset();
            }
        }
    }
}
