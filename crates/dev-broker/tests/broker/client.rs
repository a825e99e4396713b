//! A client made of the protocol's messages and one blocking socket.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Buf, Bytes};
use dev_broker::{Broker, Config};
use kafka_wire::batch::{Attributes, BatchHeader, Batches};
use kafka_wire::messages::*;
use kafka_wire::record::{Headers, Record, put_record};
use kafka_wire::{ErrorCode, Request, decode_response, encode_request};
use tempfile::TempDir;

/// Longer than anything takes; a test that gets here has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A broker on a thread of its own, stopped when dropped.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) dir: TempDir,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        Self::in_dir(tempfile::tempdir().unwrap(), adjust)
    }

    pub(crate) fn in_dir(dir: TempDir, adjust: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), dir.path());
        adjust(&mut config);
        let (addr_tx, addr_rx) = std::sync::mpsc::sync_channel(1);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let broker = Broker::start(config).await.unwrap();
                addr_tx.send(broker.addr()).unwrap();
                // An error means that the test has dropped the sender, which is a stop too.
                drop(stopped.await);
                broker.shutdown().await;
            });
        });
        Self { addr: addr_rx.recv().unwrap(), dir, stop: Some(stop), thread: Some(thread) }
    }

    /// Stops the broker and gives back its data.
    pub(crate) fn stop(mut self) -> TempDir {
        self.join();
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }

    fn join(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.join();
    }
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    next_id: i32,
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, next_id: 0 }
    }

    /// Sends a request without waiting for its answer.
    pub(crate) fn send<R: Request>(&mut self, version: i16, request: &R) {
        self.next_id += 1;
        let mut frame = encode_request(self.next_id, Some("test"), version, request).unwrap();
        self.stream.write_all(&frame.copy_to_bytes(frame.remaining())).unwrap();
    }

    /// Reads the next answer.
    pub(crate) fn receive<R: Request>(&mut self, version: i16) -> R::Response {
        decode_response(self.frame(), version).unwrap().1
    }

    pub(crate) fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        self.send(version, request);
        let (id, response) = decode_response(self.frame(), version).unwrap();
        assert_eq!(id, self.next_id);
        response
    }

    pub(crate) fn frame(&mut self) -> Bytes {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).unwrap();
        let mut frame = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
        self.stream.read_exact(&mut frame).unwrap();
        frame.into()
    }

    /// Waits until the broker has closed the connection; false when it answers or stays silent.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(n) => n == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }

    /// Reads what comes until the broker closes the connection.
    pub(crate) fn drain(&mut self) {
        while !self.is_closed() {}
    }

    pub(crate) fn create(&mut self, name: &str, partitions: i32) {
        let topic = CreatableTopic {
            name: name.into(),
            num_partitions: partitions,
            replication_factor: 1,
            ..Default::default()
        };
        let response = self.call(7, &CreateTopicsRequest { topics: vec![topic], ..Default::default() });
        assert_eq!(response.topics[0].error_code, ErrorCode::NONE, "{response:?}");
    }

    pub(crate) fn produce(&mut self, topic: &str, batch: Vec<u8>) -> PartitionProduceResponse {
        let mut response = self.call(9, &produce_request(topic, batch, -1));
        response.responses.remove(0).partition_responses.remove(0)
    }

    pub(crate) fn fetch(&mut self, topic: &str, offset: i64, max_wait_ms: i32) -> PartitionData {
        let mut response = self.call(12, &fetch_request(topic, offset, max_wait_ms));
        response.responses.remove(0).partitions.remove(0)
    }

    /// Offset after the last record of partition 0.
    pub(crate) fn end(&mut self, topic: &str) -> i64 {
        let partitions = vec![ListOffsetsPartition { timestamp: LATEST_TIMESTAMP, ..Default::default() }];
        let topics = vec![ListOffsetsTopic { name: topic.into(), partitions }];
        self.call(7, &ListOffsetsRequest { topics, ..Default::default() }).topics[0].partitions[0].offset
    }
}

pub(crate) fn produce_request(topic: &str, batch: Vec<u8>, acks: i16) -> ProduceRequest {
    let partition_data = vec![PartitionProduceData { index: 0, records: Some(Bytes::from(batch).into()) }];
    let topic_data = vec![TopicProduceData { name: topic.into(), partition_data, ..Default::default() }];
    ProduceRequest { acks, timeout_ms: 1000, topic_data, ..Default::default() }
}

pub(crate) fn fetch_request(topic: &str, offset: i64, max_wait_ms: i32) -> FetchRequest {
    let partitions =
        vec![FetchPartition { fetch_offset: offset, partition_max_bytes: 1 << 20, ..Default::default() }];
    let topics = vec![FetchTopic { topic: topic.into(), partitions, ..Default::default() }];
    FetchRequest { max_wait_ms, min_bytes: 1, topics, ..Default::default() }
}

/// A batch of records with these values.
pub(crate) fn batch(values: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for (offset_delta, value) in (0..).zip(values) {
        let record = Record {
            timestamp_delta: 0,
            offset_delta,
            key: None,
            value: Some(value),
            headers: Headers::NONE,
        };
        put_record(&mut body, &record);
    }
    let count = i32::try_from(values.len()).unwrap();
    // Retention looks at timestamps: records of long ago would not stay.
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let now_ms = i64::try_from(now_ms).unwrap();
    let header = BatchHeader {
        base_offset: 0,
        batch_length: 0,
        partition_leader_epoch: -1,
        crc: 0,
        attributes: Attributes(0),
        last_offset_delta: count - 1,
        base_timestamp: now_ms,
        max_timestamp: now_ms,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        records_count: count,
    }
    .sealed([body.as_slice()].into_iter());
    [header.to_bytes().as_slice(), &body].concat()
}

/// Offsets and values of the records in what was fetched.
pub(crate) fn records(data: &PartitionData) -> Vec<(i64, Vec<u8>)> {
    let bytes = data.records.clone().unwrap_or_default().into_bytes();
    let mut all = Vec::new();
    for batch in Batches::new(&bytes) {
        let batch = batch.unwrap();
        for record in batch.records().unwrap() {
            let record = record.unwrap();
            let offset = batch.header.base_offset + i64::from(record.offset_delta);
            all.push((offset, record.value.unwrap_or_default().to_vec()));
        }
    }
    all
}
