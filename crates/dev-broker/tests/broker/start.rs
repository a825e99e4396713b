//! Starting and stopping.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Instant;

use dev_broker::{Broker, Config, StartError};
use kafka_wire::messages::*;

use crate::client::{Client, PATIENCE, Running, batch, records};

#[tokio::test]
async fn only_loopback() {
    let dir = tempfile::tempdir().unwrap();
    let addr = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let error = Broker::start(Config::new(addr, dir.path())).await.unwrap_err();
    assert!(matches!(error, StartError::NotLoopback { addr: refused } if refused == addr));
}

#[tokio::test]
async fn a_taken_port_is_named_and_the_data_left_alone() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = taken.local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let error = Broker::start(Config::new(addr, dir.path().join("data"))).await.unwrap_err();
    assert!(matches!(error, StartError::PortInUse { addr: refused } if refused == addr), "{error}");
    assert!(!dir.path().join("data").exists());
}

#[tokio::test]
async fn one_broker_a_directory() {
    let running = Running::start();
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let error = Broker::start(Config::new(addr, running.dir.path())).await.unwrap_err();
    assert!(matches!(error, StartError::DataDirInUse { .. }), "{error}");
}

#[tokio::test]
async fn a_data_directory_that_is_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let error = Broker::start(Config::new(addr, file.path())).await.unwrap_err();
    assert!(matches!(error, StartError::DataDir { .. }), "{error}");
}

#[test]
fn a_stopped_broker_closes_its_connections_and_starts_again_with_its_data() {
    let running = Running::start();
    let mut client = Client::connect(running.addr);
    client.create("t", 1);
    assert_eq!(client.produce("t", batch(&[b"a", b"b"])).base_offset, 0);
    let mut waiting = Client::connect(running.addr);
    waiting.call(4, &ApiVersionsRequest::default());
    waiting.send(12, &crate::client::fetch_request("t", 2, 60_000));

    let began = Instant::now();
    let dir = running.stop();
    assert!(client.is_closed());
    // The waiting fetch is answered with nothing, or not at all if the broker had not seen it yet.
    waiting.drain();
    assert!(began.elapsed() < PATIENCE, "nobody waits for a fetch that waits");

    let running = Running::in_dir(dir, |_| {});
    let mut client = Client::connect(running.addr);
    assert_eq!(records(&client.fetch("t", 0, 0)), [(0, b"a".to_vec()), (1, b"b".to_vec())]);
}

#[test]
fn advertises_the_address_it_listens_on() {
    let running = Running::start();
    let mut client = Client::connect(running.addr);
    let metadata = client.call(12, &MetadataRequest { topics: None, ..Default::default() });
    let brokers: Vec<_> = metadata.brokers.iter().map(|broker| (broker.host.as_str(), broker.port)).collect();
    assert_eq!(brokers, [("127.0.0.1", i32::from(running.addr.port()))]);
    let request = FindCoordinatorRequest {
        coordinator_keys: vec!["g".into()],
        key_type: GROUP_KEY_TYPE,
        ..Default::default()
    };
    let found = client.call(4, &request);
    assert_eq!(found.coordinators[0].port, i32::from(running.addr.port()));
}

#[test]
fn topics_are_made_on_first_use_with_the_configured_partitions() {
    let running = Running::with(|config| config.partitions_default = 3);
    let mut client = Client::connect(running.addr);
    let mut ask = |name: &str, allow_auto_topic_creation| {
        let topics = Some(vec![MetadataRequestTopic { name: Some(name.into()), ..Default::default() }]);
        let request = MetadataRequest { topics, allow_auto_topic_creation, ..Default::default() };
        let topic = client.call(12, &request).topics.remove(0);
        (topic.error_code.0, topic.partitions.len())
    };
    assert_eq!(ask("t", false), (3, 0));
    assert_eq!(ask("t", true), (0, 3));
    assert_eq!(ask("t", false), (0, 3));
    assert_eq!(ask("no/name", true), (17, 0));
}
