//! Kill the whole program, embedded broker included, at random moments: nothing acknowledged is lost.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use otlp::Signal;
use testkit::grpc::{Client, Options};
use testkit::{consume, payload};

use crate::{block_on, server};

/// A release record makes 200: `OTLP2KAFKA_TEST_KILLS=200`.
const KILLS: u32 = 12;
const CLIENTS: u64 = 4;

#[test]
fn every_acknowledged_request_survives_sigkill() {
    let kills = option_env!("OTLP2KAFKA_TEST_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let data = tempfile::tempdir().unwrap();
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let number = Arc::new(AtomicU64::new(1));
    for _ in 0..kills {
        let mut server = server().data(data.path()).option("otlp.message.format", "protobuf").start();
        server.wait_until_ready();
        let before = acknowledged.lock().unwrap().len();
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (stop, number) = (Arc::clone(&stop), Arc::clone(&number));
                let (acknowledged, addr) = (Arc::clone(&acknowledged), server.grpc);
                std::thread::spawn(move || block_on(export_until(&stop, &number, &acknowledged, addr)))
            })
            .collect();
        let some = || acknowledged.lock().unwrap().len() > before;
        testkit::process::wait_for("exports are acknowledged", Duration::from_secs(30), some);
        std::thread::sleep(Duration::from_millis(random.u64(..120)));
        server.kill();
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().for_each(|client| client.join().unwrap());
    }
    let server = server().data(data.path()).start();
    server.wait_until_ready();
    let stored: BTreeSet<u64> = consume::all(&server.bootstrap, "otlp-logs")
        .iter()
        .map(|record| payload::stamped(&record.value).expect("each record has its number"))
        .collect();
    let acknowledged = acknowledged.lock().unwrap();
    let lost: Vec<&u64> = acknowledged.difference(&stored).collect();
    println!("{kills} kills, {} acknowledged, {} lost, seed {seed}", acknowledged.len(), lost.len());
    assert!(lost.is_empty(), "seed {seed}: lost {lost:?}");
}

async fn export_until(
    stop: &AtomicBool,
    number: &AtomicU64,
    done: &Mutex<BTreeSet<u64>>,
    addr: std::net::SocketAddr,
) {
    let mut wire = payload::wire(Signal::Logs, 5, 1);
    let mark = payload::mark_position(&wire);
    while !stop.load(Ordering::Relaxed) {
        let Ok(client) = Client::connect(addr).await else { return };
        loop {
            let this = number.fetch_add(1, Ordering::Relaxed);
            payload::stamp(&mut wire, mark, this);
            match client.call(Signal::Logs.grpc_path(), &wire, &Options::default()).await {
                Ok(answer) if answer.status == Some(0) => drop(done.lock().unwrap().insert(this)),
                Ok(_) => {}
                Err(_) => break,
            }
        }
    }
}
