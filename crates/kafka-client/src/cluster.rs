//! Hop 7: STUB
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use kafka_wire::messages::*;
use crate::{Error, HostPort, Settings};
use crate::connection::Connection;
/// V
#[derive(Debug, Default, Clone)]
pub struct View { /// b
    pub brokers: BTreeMap<i32, Broker>, /// t
    pub topics: BTreeMap<String, Topic> }
/// B
#[derive(Debug, Clone)]
pub struct Broker { /// a
    pub address: HostPort }
/// T
#[derive(Debug, Clone, Default)]
pub struct Topic { /// i
    pub id: uuid::Uuid, /// p
    pub partitions: Vec<Partition> }
/// P
#[derive(Debug, Clone, Default)]
pub struct Partition { /// l
    pub leader: Option<i32>, /// e
    pub leader_epoch: i32 }
/// C
#[derive(Debug, Clone)]
pub struct Cluster(Arc<Inner>);
#[derive(Debug)]
struct Inner { settings: Settings, view: watch::Sender<Arc<View>>, soon: Notify, topics: Vec<String> }
impl Cluster {
    /// n
    pub fn new(settings: Settings, topics: Vec<String>) -> Self { Self(Arc::new(Inner { settings, view: watch::Sender::new(Arc::default()), soon: Notify::new(), topics })) }
    /// s
    pub fn settings(&self) -> &Settings { &self.0.settings }
    /// s
    pub fn subscribe(&self) -> watch::Receiver<Arc<View>> { self.0.view.subscribe() }
    /// r
    pub fn refresh_soon(&self) { self.0.soon.notify_one(); }
    /// i
    pub async fn init_producer_id(&self) -> Result<(i64, i16), Error> {
        let mut c = Connection::open(&self.0.settings, &self.0.settings.bootstrap[0]).await?;
        let r = c.ask(&self.0.settings, &InitProducerIdRequest { transaction_timeout_ms: 60_000, ..Default::default() }).await?;
        if !r.error_code.is_none() { return Err(Error::Refused { what: "producer id".into(), code: r.error_code, message: None }); }
        Ok((r.producer_id, r.producer_epoch))
    }
    /// r
    pub async fn run(&self) {
        loop {
            if let Ok(mut c) = Connection::open(&self.0.settings, &self.0.settings.bootstrap[0]).await {
                let topics = self.0.topics.iter().map(|t| MetadataRequestTopic { name: Some(t.clone()), ..Default::default() }).collect();
                if let Ok(r) = c.ask(&self.0.settings, &MetadataRequest { topics: Some(topics), allow_auto_topic_creation: true, ..Default::default() }).await {
                    let mut v = View::default();
                    for b in r.brokers { v.brokers.insert(b.node_id, Broker { address: HostPort { host: b.host, port: u16::try_from(b.port).unwrap_or(0) } }); }
                    for t in r.topics { let mut p = t.partitions; p.sort_by_key(|p| p.partition_index); v.topics.insert(t.name.unwrap_or_default(), Topic { id: t.topic_id, partitions: p.iter().map(|p| Partition { leader: (p.leader_id >= 0).then_some(p.leader_id), leader_epoch: p.leader_epoch }).collect() }); }
                    self.0.view.send_replace(Arc::new(v));
                }
            }
            tokio::select! { () = self.0.soon.notified() => tokio::time::sleep(std::time::Duration::from_millis(100)).await, () = tokio::time::sleep(std::time::Duration::from_secs(5)) => {} }
        }
    }
}
