//! Reading from the embedded broker, and from brokers that misbehave.

use std::sync::atomic::{AtomicUsize, Ordering};

use kafka_wire::batch::{BATCH_HEADER_BYTES, BatchHeader};
use kafka_wire::messages::*;
use kafka_wire::{ApiKey, Message as _};
use tokio::time::timeout;

use super::*;
use crate::admin::{NewTopic, create_topics};
use crate::compression::{Codec, Compression, Compressor};
use crate::testing::{Asked, Embedded, Say, Scripted, batch, produce};

const WAIT: Duration = Duration::from_secs(10);

async fn with_topic(name: &str, partitions: i32) -> (Embedded, Cluster) {
    let embedded = Embedded::start().await;
    let cluster = embedded.cluster();
    let topic = NewTopic { name: name.to_owned(), partitions, replication: -1, configs: BTreeMap::new() };
    for (_, created) in create_topics(&cluster, &[topic], WAIT).await {
        created.unwrap();
    }
    cluster.interest([name]);
    cluster.refresh().await.unwrap();
    (embedded, cluster)
}

fn all(topic: &str, position: Position) -> Wanted {
    Wanted { topic: topic.to_owned(), partitions: None, position }
}

fn one(topic: &str, partition: i32, position: Position) -> Wanted {
    Wanted { topic: topic.to_owned(), partitions: Some(vec![partition]), position }
}

async fn next(reader: &mut Reader) -> Record {
    timeout(WAIT, reader.next()).await.expect("a record in time").unwrap()
}

fn text(record: &Record) -> &str {
    std::str::from_utf8(record.value.as_deref().unwrap()).unwrap()
}

#[tokio::test]
async fn records_come_from_where_they_are_wanted() {
    let (_embedded, cluster) = with_topic("t", 2).await;
    let headers: &[(&str, Option<&[u8]>)] = &[("a", Some(b"1")), ("a", Some(b"2")), ("b", None)];
    produce(&cluster, "t", 0, batch(0, 0, &[(1000, "a", headers), (2000, "b", &[]), (3000, "c", &[])])).await;
    produce(&cluster, "t", 0, batch(0, 0, &[(4000, "d", &[])])).await;
    let settings = ReaderSettings::default();
    let read_from = |position| {
        let (cluster, settings) = (cluster.clone(), settings.clone());
        async move {
            let mut reader = Reader::open(cluster, settings, &[one("t", 0, position)]).await.unwrap();
            let record = next(&mut reader).await;
            (record, reader)
        }
    };
    let (first, mut reader) = read_from(Position::Beginning).await;
    assert_eq!((&*first.topic, first.partition, first.offset), ("t", 0, 0));
    assert_eq!((first.timestamp_ms, text(&first), first.key.as_ref()), (Some(1000), "a", None));
    assert_eq!(first.headers.iter().collect::<Vec<_>>(), headers);
    let mut rest = Vec::new();
    for _ in 0..3 {
        let record = next(&mut reader).await;
        assert!(record.headers.is_empty());
        rest.push((record.offset, text(&record).to_owned()));
    }
    assert_eq!(rest, [(1, "b".into()), (2, "c".into()), (3, "d".into())]);
    assert_eq!(reader.positions()[&TopicPartition::new("t", 0)], 4);

    assert_eq!(read_from(Position::Offset(2)).await.0.offset, 2, "records before it are left out");
    assert_eq!(read_from(Position::Time(2000)).await.0.offset, 1);
    assert_eq!(read_from(Position::Time(3500)).await.0.offset, 3);
    assert_eq!(read_from(Position::Offset(99)).await.0.offset, 0, "out of range: from the beginning");

    for position in [Position::End, Position::Time(9000)] {
        let mut reader =
            Reader::open(cluster.clone(), settings.clone(), &[all("t", position)]).await.unwrap();
        assert!(timeout(Duration::from_millis(50), reader.next()).await.is_err());
        produce(&cluster, "t", 1, batch(0, 0, &[(5000, "new", &[])])).await;
        let record = next(&mut reader).await;
        assert_eq!((record.partition, text(&record)), (1, "new"));
    }
}

#[tokio::test]
async fn appends_are_followed_without_delay_and_across_partitions() {
    let (_embedded, cluster) = with_topic("t", 3).await;
    let settings = ReaderSettings { max_wait: Duration::from_secs(30), ..Default::default() };
    let mut reader = Reader::open(cluster.clone(), settings, &[all("t", Position::End)]).await.unwrap();
    assert!(timeout(Duration::from_millis(100), reader.next()).await.is_err());
    for turn in 0..9 {
        let began = Instant::now();
        produce(&cluster, "t", turn % 3, batch(0, 0, &[(1, "x", &[])])).await;
        let record = next(&mut reader).await;
        assert_eq!((record.partition, record.offset), (turn % 3, i64::from(turn / 3)));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn many_records_come_in_order_in_small_answers() {
    let (_embedded, cluster) = with_topic("t", 4).await;
    let value = "v".repeat(500);
    for turn in 0..40 {
        let records: Vec<(i64, &str, &[_])> = (0..5).map(|_| (1, value.as_str(), &[][..])).collect();
        produce(&cluster, "t", turn % 4, batch(0, 0, &records)).await;
    }
    // Less than one batch: each comes alone.
    let settings = ReaderSettings { fetch_bytes_max: 1000, partition_bytes_max: 700, ..Default::default() };
    let mut reader = Reader::open(cluster, settings, &[all("t", Position::Beginning)]).await.unwrap();
    let mut offsets = [0_i64; 4];
    for _ in 0..200 {
        let record = next(&mut reader).await;
        let at = usize::try_from(record.partition).unwrap();
        assert_eq!(record.offset, offsets[at]);
        offsets[at] += 1;
    }
    assert_eq!(offsets, [50; 4]);
}

#[tokio::test]
async fn new_partitions_are_read_from_their_beginning() {
    let (_embedded, cluster) = with_topic("t", 1).await;
    let mut reader =
        Reader::open(cluster.clone(), ReaderSettings::default(), &[all("t", Position::End)]).await.unwrap();
    let more = CreatePartitionsTopic { name: "t".into(), count: 2, ..Default::default() };
    let request = CreatePartitionsRequest { topics: vec![more], timeout_ms: 5000, ..Default::default() };
    let answer = cluster.ask_controller(&request, |_| false).await.unwrap();
    assert!(answer.results[0].error_code.is_none(), "{answer:?}");
    cluster.refresh().await.unwrap();
    produce(&cluster, "t", 1, batch(0, 0, &[(1, "new", &[])])).await;
    reader.refresh_at = Instant::now();
    let record = next(&mut reader).await;
    assert_eq!((record.partition, record.offset), (1, 0));
}

#[tokio::test]
async fn offsets_are_listed_committed_and_found_again() {
    let (_embedded, cluster) = with_topic("t", 2).await;
    produce(&cluster, "t", 1, batch(0, 0, &[(1000, "a", &[]), (2000, "b", &[])])).await;
    let (zero, one) = (TopicPartition::new("t", 0), TopicPartition::new("t", 1));
    let list = |of: OffsetOf| {
        let wanted = [(zero.clone(), of), (one.clone(), of)].into();
        let cluster = cluster.clone();
        async move { list_offsets(&cluster, &wanted).await.unwrap().into_values().collect::<Vec<_>>() }
    };
    assert_eq!(list(OffsetOf::Beginning).await, [Some(0), Some(0)]);
    assert_eq!(list(OffsetOf::End).await, [Some(0), Some(2)]);
    assert_eq!(list(OffsetOf::Time(1500)).await, [None, Some(1)]);
    let both = [zero.clone(), one.clone()];
    let found = committed(&cluster, "g", &both).await.unwrap();
    assert_eq!(found.into_values().collect::<Vec<_>>(), [None, None]);
    commit(&cluster, "g", &[(one.clone(), 2)].into()).await.unwrap();
    let found = committed(&cluster, "g", &both).await.unwrap();
    assert_eq!(found, [(zero, None), (one, Some(2))].into());
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let (_embedded, cluster) = with_topic("t", 1).await;
    let open = |wanted: Wanted| {
        let settings = ReaderSettings { out_of_range: OutOfRange::Fail, ..Default::default() };
        let cluster = cluster.clone();
        async move { Reader::open(cluster, settings, &[wanted]).await }
    };
    let error = open(all("none", Position::End)).await.unwrap_err();
    assert_eq!(error.to_string(), "topic none: UNKNOWN_TOPIC_OR_PARTITION");
    let error = open(one("t", 1, Position::End)).await.unwrap_err();
    assert_eq!(error.to_string(), "topic t, partition 1: UNKNOWN_TOPIC_OR_PARTITION");
    let mut reader = open(one("t", 0, Position::Offset(5))).await.unwrap();
    let error = timeout(WAIT, reader.next()).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "topic t, partition 0: OFFSET_OUT_OF_RANGE");
}

#[tokio::test]
async fn an_outage_is_waited_for() {
    let (embedded, cluster) = with_topic("t", 1).await;
    let mut reader =
        Reader::open(cluster.clone(), ReaderSettings::default(), &[all("t", Position::End)]).await.unwrap();
    assert!(timeout(Duration::from_millis(50), reader.next()).await.is_err());
    embedded.broker.shutdown().await;
    assert!(timeout(Duration::from_millis(700), reader.next()).await.is_err());
}

/// A broker that answers fetches so, a turn each; the last for good.
async fn fetching(turns: Vec<fn(&Asked) -> PartitionData>) -> Scripted {
    let turn = AtomicUsize::new(0);
    Scripted::start(move |asked: &mut Asked| match asked.header.api_key {
        ApiKey::Fetch => {
            let request = FetchRequest::decode(&mut asked.body, asked.header.api_version).unwrap();
            assert!(asked.header.api_version <= 12);
            let at = turn.fetch_add(1, Ordering::SeqCst).min(turns.len() - 1);
            let told = turns[at](asked);
            let topic = request.topics[0].topic.clone();
            let responses =
                vec![FetchableTopicResponse { topic, partitions: vec![told], ..Default::default() }];
            asked.with(&FetchResponse { responses, ..Default::default() })
        }
        ApiKey::Metadata => asked.with(&asked.metadata()),
        _ => Say::Close,
    })
    .await
}

fn data(records: impl Into<Bytes>) -> PartitionData {
    PartitionData { records: Some(records.into().into()), ..Default::default() }
}

fn failed(error_code: ErrorCode) -> PartitionData {
    PartitionData { error_code, ..Default::default() }
}

async fn reader_of(scripted: &Scripted) -> Reader {
    let settings = ReaderSettings::default();
    Reader::open(scripted.cluster(), settings, &[one("t", 0, Position::Offset(0))]).await.unwrap()
}

#[tokio::test]
async fn control_batches_gaps_and_cut_batches_are_passed_over() {
    let scripted = fetching(vec![
        |_| data([batch(0, 0x20, &[(1, "control", &[])]), batch(5, 0, &[(1, "a", &[])])].concat()),
        |_| failed(ErrorCode::NOT_LEADER_OR_FOLLOWER),
        |_| data(batch(6, 0, &[])),
        |_| {
            let cut = batch(8, 0, &[(1, "c", &[])]);
            data([batch(7, 0x08, &[(9, "b", &[])]), cut.slice(..cut.len() - 3)].concat())
        },
        |_| data(batch(8, 0, &[(1, "c", &[])])),
    ])
    .await;
    let mut reader = reader_of(&scripted).await;
    for (offset, value, ms) in [(5, "a", 1), (7, "b", 9), (8, "c", 1)] {
        let record = next(&mut reader).await;
        assert_eq!((record.offset, text(&record), record.timestamp_ms), (offset, value, Some(ms)));
    }
}

#[tokio::test]
async fn compressed_batches_are_unpacked_up_to_a_limit() {
    let (_embedded, cluster) = with_topic("t", 1).await;
    let codecs = [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
    let value = "compress ".repeat(1000);
    for codec in codecs {
        let plain = batch(0, codec.id().into(), &[(1, &value, &[]), (2, &value, &[])]);
        let mut header = BatchHeader::read(&plain).unwrap();
        let mut compressor = Compressor::new(Compression { codec, level: None });
        let mut packed = Vec::new();
        compressor.compress([&plain[BATCH_HEADER_BYTES..]].into_iter(), &mut packed).unwrap();
        header = header.sealed([packed.as_slice()].into_iter());
        produce(&cluster, "t", 0, [header.to_bytes().as_slice(), &packed].concat().into()).await;
    }
    let wanted = [all("t", Position::Beginning)];
    let mut reader = Reader::open(cluster.clone(), ReaderSettings::default(), &wanted).await.unwrap();
    for offset in 0..8 {
        let record = next(&mut reader).await;
        assert_eq!((record.offset, text(&record)), (offset, value.as_str()));
    }
    let settings = ReaderSettings { unpacked_bytes_max: 10_000, ..Default::default() };
    let mut reader = Reader::open(cluster, settings, &wanted).await.unwrap();
    let error = timeout(WAIT, reader.next()).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("more than 10000 bytes"), "{error}");
}

/// The error that such an answer to a fetch brings.
async fn broken(told: fn(&Asked) -> PartitionData) -> String {
    let scripted = fetching(vec![told]).await;
    let mut reader = reader_of(&scripted).await;
    let error = timeout(WAIT, reader.next()).await.unwrap().unwrap_err().to_string();
    drop(reader);
    scripted.left_alone().await;
    error
}

#[tokio::test]
async fn broken_batches_are_refused() {
    let error = broken(|_| {
        let mut bytes = batch(0, 0, &[(1, "a", &[])]).to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        data(bytes)
    })
    .await;
    assert!(error.contains("CRC"), "{error}");
    assert!(broken(|_| data(vec![0; 100])).await.contains("magic 0"));
    assert!(broken(|_| data(batch(-5, 0, &[(1, "a", &[])]))).await.contains("offset -5"));
    assert!(broken(|_| data(batch(0, 7, &[(1, "a", &[])]))).await.contains("codec 7"));
    let error = broken(|_| {
        let mut header = BatchHeader::read(&batch(0, 0, &[])).unwrap();
        header.records_count = 1_000_000;
        header.last_offset_delta = 1_000_000;
        let body = b"\x02";
        data([header.sealed([&body[..]].into_iter()).to_bytes().as_slice(), body].concat())
    })
    .await;
    assert!(error.contains("malformed"), "{error}");
    // Never a whole batch: given up after some turns, without a busy loop.
    assert!(broken(|_| data(batch(0, 0, &[(1, "a", &[])]).slice(..68))).await.contains("again and again"));
    assert!(broken(|_| data(batch(0, 0, &[(1, "a", &[])]).slice(..30))).await.contains("again and again"));
    let error = broken(|_| PartitionData { partition_index: 4, ..Default::default() }).await;
    assert!(error.contains("not asked for"), "{error}");
    let error = broken(|_| failed(ErrorCode::TOPIC_AUTHORIZATION_FAILED)).await;
    assert_eq!(error, "topic t, partition 0: TOPIC_AUTHORIZATION_FAILED");
}

#[tokio::test]
async fn a_broker_that_never_waits_is_not_asked_without_pause() {
    let turn = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&turn);
    let scripted = Scripted::start(move |asked: &mut Asked| match asked.header.api_key {
        ApiKey::Fetch => {
            counted.fetch_add(1, Ordering::SeqCst);
            asked.with(&FetchResponse::default())
        }
        _ => asked.with(&asked.metadata()),
    })
    .await;
    let mut reader = reader_of(&scripted).await;
    assert!(timeout(Duration::from_millis(450), reader.next()).await.is_err());
    assert!(turn.load(Ordering::SeqCst) <= 6, "{turn:?}");
}

#[tokio::test]
async fn a_leader_that_is_no_broker_of_the_view_is_looked_for() {
    let asks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asks);
    let scripted = Scripted::start(move |asked: &mut Asked| match asked.header.api_key {
        ApiKey::Fetch => {
            let topic = "t".to_owned();
            let partitions = vec![data(batch(0, 0, &[(1, "a", &[])]))];
            let responses = vec![FetchableTopicResponse { topic, partitions, ..Default::default() }];
            asked.with(&FetchResponse { responses, ..Default::default() })
        }
        _ => {
            counted.fetch_add(1, Ordering::SeqCst);
            asked.with(&asked.metadata())
        }
    })
    .await;
    let mut reader = reader_of(&scripted).await;
    let mut view = (*reader.cluster.view()).clone();
    view.brokers.clear();
    reader.cluster.show(view);
    assert_eq!(text(&next(&mut reader).await), "a");
    assert_eq!(asks.load(Ordering::SeqCst), 2);
}

/// A broker that knows no offset of any partition, and says so without an error.
async fn without_offsets() -> Scripted {
    Scripted::start(|asked: &mut Asked| match asked.header.api_key {
        ApiKey::Fetch => {
            let partitions = vec![failed(ErrorCode::OFFSET_OUT_OF_RANGE)];
            let responses =
                vec![FetchableTopicResponse { topic: "t".into(), partitions, ..Default::default() }];
            asked.with(&FetchResponse { responses, ..Default::default() })
        }
        ApiKey::ListOffsets => {
            let told = ListOffsetsPartitionResponse { offset: -1, ..Default::default() };
            let topics = vec![ListOffsetsTopicResponse { name: "t".into(), partitions: vec![told] }];
            asked.with(&ListOffsetsResponse { topics, ..Default::default() })
        }
        _ => asked.with(&asked.metadata()),
    })
    .await
}

#[tokio::test]
async fn a_log_without_beginning_or_end_is_a_contradiction() {
    let scripted = without_offsets().await;
    let cluster = scripted.cluster();
    cluster.interest(["t"]);
    cluster.refresh().await.unwrap();
    let partition = TopicPartition::new("t", 0);
    let none = list_offsets(&cluster, &[(partition.clone(), OffsetOf::Time(1))].into()).await;
    assert_eq!(none, Ok([(partition.clone(), None)].into()));
    for of in [OffsetOf::Beginning, OffsetOf::End] {
        let error = list_offsets(&cluster, &[(partition.clone(), of)].into()).await.unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{error}");
        assert!(error.to_string().contains("topic t, partition 0 has the offset -1"), "{error}");
    }
    for position in [Position::Beginning, Position::End, Position::Time(1)] {
        let opened = Reader::open(cluster.clone(), ReaderSettings::default(), &[all("t", position)]).await;
        assert!(matches!(opened, Err(Error::Protocol { .. })), "{position:?}");
    }
}

#[tokio::test]
async fn a_log_without_beginning_or_end_is_not_asked_for_it_for_ever() {
    let scripted = without_offsets().await;
    let mut reader = reader_of(&scripted).await;
    let error = timeout(WAIT, reader.next()).await.expect("it is told").unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
}
