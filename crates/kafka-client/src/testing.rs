//! Hop 7, tests: brokers in this process, the embedded one and scripted ones that misbehave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use dev_broker::Broker;
use kafka_wire::batch::{Attributes, BatchHeader};
use kafka_wire::messages::*;
use kafka_wire::record::{Header, Headers, Record, put_record};
use kafka_wire::{ApiKey, Message, Reader, RequestHeader, encode_response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::{Cluster, Settings, frame};

pub(crate) fn settings(addr: SocketAddr) -> Settings {
    let mut settings = Settings::new(vec![addr.to_string().parse().unwrap()], "test");
    settings.request_timeout = Duration::from_secs(5);
    settings
}

/// The embedded broker with its data; dropped, it is gone.
pub(crate) struct Embedded {
    pub(crate) broker: Broker,
    _data: tempfile::TempDir,
}

impl Embedded {
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let config = dev_broker::Config::new("127.0.0.1:0".parse().unwrap(), data.path());
        Self { broker: Broker::start(config).await.unwrap(), _data: data }
    }

    pub(crate) fn cluster(&self) -> Cluster {
        Cluster::new(settings(self.broker.addr()))
    }
}

/// A batch of records with these timestamps, values and headers, at an offset.
pub(crate) fn batch(base_offset: i64, attributes: i16, records: &[(i64, &str, &[Header<'_>])]) -> Bytes {
    let mut body = Vec::new();
    for (at, (timestamp_delta, value, headers)) in records.iter().enumerate() {
        let mut buffer = Vec::new();
        put_record(
            &mut body,
            &Record {
                timestamp_delta: *timestamp_delta,
                offset_delta: i32::try_from(at).unwrap(),
                key: None,
                value: Some(value.as_bytes()),
                headers: Headers::write(&mut buffer, headers),
            },
        );
    }
    let count = i32::try_from(records.len()).unwrap();
    let header = BatchHeader {
        base_offset,
        batch_length: 0,
        partition_leader_epoch: 0,
        crc: 0,
        attributes: Attributes(attributes),
        last_offset_delta: (count - 1).max(0),
        base_timestamp: 0,
        max_timestamp: records.iter().map(|record| record.0).max().unwrap_or(-1),
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        records_count: count,
    };
    [header.sealed([body.as_slice()].into_iter()).to_bytes().as_slice(), &body].concat().into()
}

/// Stores a batch.
pub(crate) async fn produce(cluster: &Cluster, topic: &str, partition: i32, batch: Bytes) {
    let request = ProduceRequest {
        acks: -1,
        timeout_ms: 5000,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned(),
            topic_id: cluster.view().topics[topic].id,
            partition_data: vec![PartitionProduceData { index: partition, records: Some(batch.into()) }],
        }],
        ..Default::default()
    };
    let (leader, _) = cluster.view().leader(topic, partition).unwrap();
    let answer = cluster.ask_broker(leader, &request).await.unwrap();
    let told = &answer.responses[0].partition_responses[0];
    assert!(told.error_code.is_none(), "{told:?}");
}

/// What a scripted broker says to a request.
pub(crate) enum Say {
    /// These bytes, whatever they are.
    Bytes(Vec<u8>),
    /// These bytes, and then the same byte without end.
    Endless(Vec<u8>),
    /// These bytes once this has a permit.
    Held(Arc<Semaphore>, Vec<u8>),
    /// Nothing; the connection is closed.
    Close,
}

/// A request to a scripted broker.
pub(crate) struct Asked {
    pub(crate) header: RequestHeader,
    pub(crate) body: Reader,
    pub(crate) addr: SocketAddr,
}

impl Asked {
    pub(crate) fn with<M: Message>(&self, answer: &M) -> Say {
        self.with_id(self.header.correlation_id, answer)
    }

    pub(crate) fn with_id<M: Message>(&self, id: i32, answer: &M) -> Say {
        let mut frame = encode_response(id, self.header.api_version, answer).unwrap();
        Say::Bytes(frame.copy_to_bytes(frame.remaining()).to_vec())
    }

    /// Metadata of a broker 1 that leads the one partition of the topic `t`.
    pub(crate) fn metadata(&self) -> MetadataResponse {
        let broker = MetadataResponseBroker {
            node_id: 1,
            host: self.addr.ip().to_string(),
            port: self.addr.port().into(),
            rack: None,
        };
        let partition = MetadataResponsePartition { leader_id: 1, leader_epoch: 1, ..Default::default() };
        let topic = MetadataResponseTopic {
            name: Some("t".into()),
            partitions: vec![partition],
            ..Default::default()
        };
        MetadataResponse {
            brokers: vec![broker],
            controller_id: 1,
            topics: vec![topic],
            ..Default::default()
        }
    }
}

/// A broker that follows a script. It answers ApiVersions by itself.
pub(crate) struct Scripted {
    pub(crate) addr: SocketAddr,
    /// Connections that are open.
    open: Arc<AtomicUsize>,
    /// Connections that were ever opened.
    pub(crate) opened: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    pub(crate) async fn start(script: impl Fn(&mut Asked) -> Say + Send + Sync + 'static) -> Self {
        Self::start_old(i16::MAX, script).await
    }

    /// As [`Self::start`], for a broker that speaks Metadata up to this version.
    pub(crate) async fn start_old(
        metadata_up_to: i16,
        script: impl Fn(&mut Asked) -> Say + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (open, opened) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, ever, script) = (Arc::clone(&open), Arc::clone(&opened), Arc::new(script));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, counted) = (Arc::clone(&script), Arc::clone(&counted));
                ever.fetch_add(1, Ordering::SeqCst);
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    serve(stream, addr, metadata_up_to, &*script).await;
                    counted.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { addr, open, opened, task }
    }

    pub(crate) fn cluster(&self) -> Cluster {
        Cluster::new(settings(self.addr))
    }

    /// Connections that are open now.
    pub(crate) fn is_open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Waits until the client has closed its connections.
    pub(crate) async fn left_alone(&self) {
        let closed = async {
            while self.open.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), closed).await.expect("connections are closed");
    }
}

async fn serve(
    mut stream: TcpStream,
    addr: SocketAddr,
    metadata_up_to: i16,
    script: &(dyn Fn(&mut Asked) -> Say + Send + Sync),
) {
    let mut inbox = BytesMut::new();
    loop {
        let frame = match frame::take(&mut inbox, 1 << 20) {
            Ok(Some(frame)) => frame,
            Ok(None) => match stream.read_buf(&mut inbox).await {
                Ok(1..) => continue,
                _ => return,
            },
            Err(_) => return,
        };
        let mut body = Reader::new(frame);
        let header = RequestHeader::read(&mut body).unwrap();
        let mut asked = Asked { header, body, addr };
        let said = match asked.header.api_key {
            ApiKey::ApiVersions => asked.with(&offer(metadata_up_to)),
            _ => script(&mut asked),
        };
        let (bytes, endless) = match said {
            Say::Bytes(bytes) => (bytes, false),
            Say::Endless(bytes) => (bytes, true),
            Say::Held(gate, bytes) => {
                gate.acquire().await.unwrap().forget();
                (bytes, false)
            }
            Say::Close => return,
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        while endless && stream.write_all(&[0; 64 << 10]).await.is_ok() {}
    }
}

fn offer(metadata_up_to: i16) -> ApiVersionsResponse {
    let newest = |key: &ApiKey| match key {
        ApiKey::Metadata => metadata_up_to.min(*key.versions().end()),
        _ => *key.versions().end(),
    };
    let api_keys = ApiKey::ALL.iter().map(|key| ApiVersion {
        api_key: key.code(),
        min_version: *key.versions().start(),
        max_version: newest(key),
    });
    ApiVersionsResponse { api_keys: api_keys.collect(), ..Default::default() }
}
