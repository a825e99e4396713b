//! Hop 7: what the producer writes to a real Apache Kafka is what Java's own clients choose and read.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and says what it saw"
)]

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use kafka_client::admin::{NewTopic, create_topics};
use kafka_client::compression::{Codec, Compression};
use kafka_client::producer::{
    BatchLimits, Common, Failure, Headers, Producer, Record, Settle, Stats, partition_of,
};
use kafka_client::{Cluster, ProducerSettings, Settings};
use testkit::kafka::{Listener, Plan, Version};
use testkit::{dump, java, kafka};
use tokio::task::LocalSet;
use tokio::time::Instant;

const TOPIC: &str = "from-rust";
const PARTITIONS: i32 = 3;
/// Longer than anything here takes.
const WAIT: Duration = Duration::from_secs(60);
/// Sizes of batches: many small ones, and the default.
const BATCH_BYTES: [usize; 2] = [50_000, 1_000_000];
/// Records of each codec and size of batches.
const RECORDS: usize = 400;
/// Each so many records is one of a random size up to the largest, and another one of a size of [`EDGES`].
const LARGE_EVERY: usize = 25;
const VALUE_BYTES_MAX: usize = 300 << 10;
/// Their count no longer fits one byte.
const HEADERS_MAX: usize = 100;
/// Sizes around those at which the producer, a varint or a codec's block changes its ways.
const EDGES: [usize; 14] =
    [0, 1, 63, 64, 2047, 2048, 8191, 8192, 32_767, 32_768, 65_535, 65_536, 65_537, VALUE_BYTES_MAX];
const TWO_DAYS_MS: i64 = 2 * 86_400_000;

#[test]
fn keys_go_to_the_partitions_that_java_chooses() {
    const KEYS: usize = 100_000;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    let keys: Vec<Vec<u8>> = (0..KEYS).map(|_| bytes(&mut random, 0..=40)).collect();
    for partitions in [3, 64, 1009] {
        let theirs = java::partitions(&keys, partitions);
        assert_eq!(theirs.len(), KEYS);
        for (key, theirs) in keys.iter().zip(theirs) {
            assert_eq!(partition_of(key, partitions), theirs, "{key:?} of {partitions}");
        }
    }
}

#[test]
fn java_reads_what_was_sent_to_the_newest_kafka() {
    java_reads_what_was_sent(Version::V4);
}

#[test]
fn java_reads_what_was_sent_to_the_oldest_kafka() {
    java_reads_what_was_sent(Version::V2);
}

/// Every codec in turn, into one topic, so that a key's order holds across them too.
fn java_reads_what_was_sent(version: Version) {
    let mut random = Rng::new();
    println!("seed {}", random.get_seed());
    let kafka = kafka::Cluster::start(Plan::new(version, 1));
    let bootstrap = kafka.bootstrap(Listener::Plaintext);
    let cluster = Cluster::new(Settings::new(vec![bootstrap.parse().unwrap()], "java-test"));
    let keys: Vec<Vec<u8>> = (0..50).map(|_| bytes(&mut random, 0..=40)).collect();
    let mut sent = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        create_topic(&cluster).await;
        cluster.interest([TOPIC]);
        let watched = cluster.clone();
        let watching = tokio::spawn(async move { watched.run().await });
        for codec in Codec::ALL {
            for batch_bytes in BATCH_BYTES {
                let first = sent.len();
                sent.extend((first..first + RECORDS).map(|n| Sent::random(n, &keys, &mut random)));
                let stats = produce(&cluster, codec, batch_bytes, &sent[first..]).await;
                check_counts(&stats, codec, batch_bytes);
            }
        }
        watching.abort();
    });
    compare(&sent, &java::consume(&bootstrap, TOPIC));

    let sequences = dump::sequences(version, &kafka.log_folder(0), TOPIC);
    assert_eq!(sequences.breaches, Vec::<String>::new());
    assert_eq!((sequences.records, sequences.without_id), (sent.len() as u64, 0));
    assert_eq!(sequences.producers, Codec::ALL.len() * BATCH_BYTES.len());
}

/// A record as it was handed over.
#[derive(Debug)]
struct Sent {
    partition: Option<i32>,
    key: Option<Bytes>,
    value: Bytes,
    headers: Vec<(String, Option<Vec<u8>>)>,
    /// Another one for each record, in no order.
    timestamp_ms: i64,
}

impl Sent {
    fn random(n: usize, keys: &[Vec<u8>], random: &mut Rng) -> Self {
        let key = (random.u8(..8) > 0).then(|| Bytes::from(random.choice(keys).unwrap().clone()));
        let partition = (random.u8(..16) == 0).then(|| random.i32(0..PARTITIONS));
        let bits = random.u32(..13);
        let size = match n % LARGE_EVERY {
            0 => random.usize(..=VALUE_BYTES_MAX),
            1 => EDGES[n / LARGE_EVERY % EDGES.len()],
            _ => random.usize(..1 << bits),
        };
        let text = format!(r#"{{"number":{n},"name":"the same text again and again"}}"#);
        let value = match random.bool() {
            true => text.bytes().cycle().take(size).collect(),
            false => bytes(random, size..=size).into(),
        };
        let headers = if n % LARGE_EVERY == 2 { HEADERS_MAX } else { random.usize(..6) };
        let headers = (0..headers).map(|_| header(random)).collect();
        // A step that shares no factor with the span repeats none of its milliseconds.
        let step = i64::try_from(n).unwrap() * 99_999_989 % TWO_DAYS_MS;
        let timestamp_ms = if n == 0 { 0 } else { 1_700_000_000_000 + step };
        Self { partition, key, value, headers, timestamp_ms }
    }

    fn to_record(&self, token: Token) -> Record<Token> {
        let headers: Vec<(&str, Option<&[u8]>)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        Record {
            topic: 0,
            partition: self.partition,
            key: self.key.clone(),
            value: self.value.clone(),
            headers: Headers::new(&headers),
            timestamp_ms: self.timestamp_ms,
            deadline: Instant::now() + WAIT,
            token,
        }
    }
}

/// Few names, so that they repeat within a record; null, empty and long values.
fn header(random: &mut Rng) -> (String, Option<Vec<u8>>) {
    let name = random.choice(["", "a", "content-type", "größe-尺寸"]).unwrap();
    let value = match random.u8(..4) {
        0 => None,
        1 => Some(Vec::new()),
        2 => Some(bytes(random, 1..=20)),
        _ => Some(bytes(random, 60..=300)),
    };
    (name.to_owned(), value)
}

fn bytes(random: &mut Rng, sizes: RangeInclusive<usize>) -> Vec<u8> {
    let mut bytes = vec![0; random.usize(sizes)];
    random.fill(&mut bytes);
    bytes
}

#[derive(Debug)]
struct Token(Rc<RefCell<Vec<Result<(), Failure>>>>);

impl Settle for Token {
    fn settle(self, outcome: Result<(), Failure>) {
        self.0.borrow_mut().push(outcome);
    }
}

async fn create_topic(cluster: &Cluster) {
    // The timestamps are old: nothing is deleted or rolled for their sake.
    let configs = [("retention.ms", "-1"), ("segment.ms", "9000000000000")];
    let topic = NewTopic {
        name: TOPIC.to_owned(),
        partitions: PARTITIONS,
        replication: 1,
        configs: configs.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    };
    for (name, made) in create_topics(cluster, &[topic], WAIT).await {
        made.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Sends the records with a producer of their own, and waits until all of them are stored.
async fn produce(cluster: &Cluster, codec: Codec, batch_bytes: usize, sent: &[Sent]) -> Arc<Stats> {
    let compression = Compression { codec, level: None };
    let settings = ProducerSettings { compression, batch_bytes, ..ProducerSettings::default() };
    let limits = Arc::new(BatchLimits::new(1, batch_bytes));
    let common = Common { stats: Arc::default(), limits };
    let producer = Producer::spawn(cluster.clone(), settings, vec![TOPIC.to_owned()], common.clone());
    let outcomes = Rc::<RefCell<Vec<_>>>::default();
    for (n, one) in sent.iter().enumerate() {
        producer.send(one.to_record(Token(Rc::clone(&outcomes))));
        // What has gathered goes while more comes.
        if n % 16 == 15 {
            tokio::task::yield_now().await;
        }
    }
    tokio::time::timeout(WAIT, producer.flush()).await.expect("all have their report");
    let outcomes = outcomes.borrow();
    let failed: Vec<&Failure> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!((outcomes.len(), failed), (sent.len(), Vec::new()), "{codec}");
    common.stats
}

fn check_counts(stats: &Stats, codec: Codec, batch_bytes: usize) {
    let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (before, after, batches) =
        (load(&stats.uncompressed_bytes), load(&stats.sent_bytes), load(&stats.batches));
    println!("{codec}, batches of {batch_bytes}: {batches}, {before} bytes sent as {after}");
    assert_eq!(load(&stats.records), RECORDS as u64, "{codec}");
    // Half of the values are text: every codec has something to gain, but none.
    assert_eq!(codec == Codec::None, after > before, "{codec}: {before} bytes sent as {after}");
}

/// Records are told apart by their timestamps.
fn compare(sent: &[Sent], read: &[java::Record]) {
    let numbers: HashMap<i64, usize> =
        sent.iter().enumerate().map(|(n, one)| (one.timestamp_ms, n)).collect();
    assert_eq!((numbers.len(), read.len()), (sent.len(), sent.len()));
    let mut next_offsets: BTreeMap<i32, i64> = BTreeMap::new();
    let mut last_of_key: HashMap<(i32, &Bytes), usize> = HashMap::new();
    let mut seen = vec![false; sent.len()];
    for record in read {
        let next = next_offsets.entry(record.partition).or_default();
        assert_eq!(record.offset, *next, "partition {}", record.partition);
        *next += 1;
        let n = *numbers.get(&record.timestamp_ms).expect("a timestamp of ours");
        let one = &sent[n];
        assert!(!std::mem::replace(&mut seen[n], true), "record {n} is there twice");
        assert!(record.value.as_deref() == Some(&one.value), "the value of record {n}");
        assert_eq!(record.key.as_deref(), one.key.as_deref(), "record {n}");
        assert_eq!(record.headers, one.headers, "record {n}");
        let of_key = one.key.as_deref().map(|key| partition_of(key, PARTITIONS.cast_unsigned()));
        if let Some(expected) = one.partition.or(of_key) {
            assert_eq!(record.partition, expected, "record {n}");
        }
        if let Some(key) = &one.key {
            let last = last_of_key.insert((record.partition, key), n);
            assert!(last < Some(n), "record {n} is behind {last:?} of the same key");
        }
    }
}
