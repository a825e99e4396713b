//! No success before Kafka has the data: hold, then refuse retryably, then go on by itself.

use std::time::{Duration, Instant};

use otlp::Signal;
use testkit::grpc::{Client, Options};
use testkit::kafka::Kafka;
use testkit::server::Server;
use testkit::{http, payload, process};

use crate::{TEST_SPAN, block_on, server};

fn export_http(server: &Server) -> http::Answer {
    http::post(server.http, "/v1/traces", "application/json", TEST_SPAN.as_bytes()).unwrap()
}

fn export_grpc(server: &Server) -> testkit::grpc::Answer {
    block_on(async {
        let client = Client::connect(server.grpc).await.unwrap();
        let wire = payload::wire(Signal::Logs, 3, 1);
        client.call(Signal::Logs.grpc_path(), &wire, &Options::default()).await.unwrap()
    })
}

#[test]
fn a_frozen_kafka_means_no_answer_until_the_hold_time_and_success_after_it_thaws() {
    // A Kafka of its own: the other tests must not meet a frozen one.
    let kafka = Kafka::start();
    let hold = Duration::from_millis(3000);
    let server = server().kafka(&kafka.bootstrap).option("otlp.request.hold.ms", hold.as_millis()).start();
    server.wait_until_ready();
    assert_eq!(export_http(&server).status, 200);

    kafka.pause();
    let start = Instant::now();
    let answer = export_http(&server);
    assert!(start.elapsed() >= hold, "answered after {:?}", start.elapsed());
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("2"));

    let start = Instant::now();
    let answer = export_grpc(&server);
    assert!(start.elapsed() >= hold, "answered after {:?}", start.elapsed());
    assert_eq!(answer.status, Some(14));
    assert!(answer.trailers_only);
    assert!(answer.headers.contains_key("grpc-status-details-bin"));
    assert!(answer.headers.contains_key("google.rpc.retryinfo-bin"));

    kafka.resume();
    process::wait_for("exports succeed again", Duration::from_secs(30), || {
        export_http(&server).status == 200
    });
    assert_eq!(export_grpc(&server).status, Some(0));
}

#[test]
fn without_a_kafka_it_waits_not_ready_and_works_once_there_is_one() {
    let mut kafka = Kafka::start();
    kafka.kill();
    let server = server().kafka(&kafka.bootstrap).option("otlp.request.hold.ms", 1500).start();
    assert_eq!(http::get(server.rest, "/readyz").unwrap().status, 503);
    assert_eq!(http::get(server.rest, "/livez").unwrap().status, 200);
    assert_eq!(export_http(&server).status, 503);
    kafka.start_again();
    server.wait_until_ready();
    process::wait_for("exports succeed", Duration::from_secs(30), || export_http(&server).status == 200);
}
