//! A closed loop of exports over a fixed number of connections and streams, and what it measured.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::{Bytes, BytesMut};
use hdrhistogram::Histogram;
use otlp::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{grpc, payload, process};

/// What to send, and how.
#[derive(Debug, Clone)]
pub struct Load {
    /// Over HTTP/1.1 with protobuf instead of gRPC.
    pub http: bool,
    /// Which service.
    pub signal: Signal,
    /// Items of each request.
    pub items: usize,
    /// Connections.
    pub connections: usize,
    /// Requests at a time on each connection; 1 over HTTP/1.1.
    pub streams: usize,
    /// Before the measurement.
    pub warmup: Duration,
    /// The measurement.
    pub length: Duration,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Requests answered with success within the measurement.
    pub requests: u64,
    /// Requests answered otherwise.
    pub failed: u64,
    /// Wall time of the measurement.
    pub wall: Duration,
    /// CPU time of the server within it, by the kernel's account.
    pub server_cpu: Duration,
    /// CPU time of the broker within it.
    pub broker_cpu: Duration,
    /// From request to answer, in microseconds.
    pub latency: Histogram<u64>,
    /// The server's resident memory at the end, in bytes.
    pub resident_bytes: u64,
}

#[derive(Debug)]
struct Shared {
    load: Load,
    addr: SocketAddr,
    bodies: Vec<Bytes>,
    end: Instant,
    tally: RefCell<Tally>,
}

#[derive(Debug)]
struct Tally {
    measuring: bool,
    next: usize,
    requests: u64,
    failed: u64,
    latency: Histogram<u64>,
}

/// Runs the load against a server on `addr` whose process is `pid`, with a broker whose process is `broker`.
///
/// # Errors
///
/// When nothing was answered with success.
pub fn run(load: &Load, addr: SocketAddr, pid: u32, broker: u32) -> Result<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, measure(load.clone(), addr, (pid, broker)))
}

async fn measure(load: Load, addr: SocketAddr, (pid, broker): (u32, u32)) -> Result<Figures> {
    const VARIANTS: u64 = 16;
    let bodies = (0..VARIANTS).map(|seed| body(&load, seed)).collect();
    let latency = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    let tally = RefCell::new(Tally { measuring: false, next: 0, requests: 0, failed: 0, latency });
    let end = Instant::now() + load.warmup + load.length;
    let shared = Rc::new(Shared { load, addr, bodies, end, tally });
    let tasks: Vec<_> = (0..shared.load.connections)
        .map(|_| {
            let shared = Rc::clone(&shared);
            tokio::task::spawn_local(async move {
                if shared.load.http { http_connection(&shared).await } else { grpc_connection(&shared).await }
            })
        })
        .collect();
    tokio::time::sleep(shared.load.warmup).await;
    shared.tally.borrow_mut().measuring = true;
    let (cpu, brokers, start) = (process::cpu(pid), process::cpu(broker), Instant::now());
    tokio::time::sleep(shared.load.length).await;
    shared.tally.borrow_mut().measuring = false;
    let (server_cpu, wall) = (process::cpu(pid).saturating_sub(cpu), start.elapsed());
    let broker_cpu = process::cpu(broker).saturating_sub(brokers);
    let resident_bytes = process::resident(pid).0;
    for task in tasks {
        task.await??;
    }
    let tally = shared.tally.borrow();
    if tally.requests == 0 {
        bail!("no request was answered with success; {} were refused", tally.failed);
    }
    Ok(Figures {
        requests: tally.requests,
        failed: tally.failed,
        wall,
        server_cpu,
        broker_cpu,
        latency: tally.latency.clone(),
        resident_bytes,
    })
}

/// A request's bytes: with gRPC's prefix, or with HTTP/1.1's head.
fn body(load: &Load, seed: u64) -> Bytes {
    let wire = payload::wire(load.signal, load.items, seed);
    let mut bytes = BytesMut::with_capacity(wire.len() + 256);
    if load.http {
        let path = load.signal.http_path();
        let length = wire.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\ncontent-length: {length}\r\n\r\n"
        );
        bytes.extend_from_slice(head.as_bytes());
    } else {
        bytes.extend_from_slice(&[0]);
        bytes.extend_from_slice(&u32::try_from(wire.len()).unwrap_or(u32::MAX).to_be_bytes());
    }
    bytes.extend_from_slice(&wire);
    bytes.freeze()
}

impl Shared {
    fn next(&self) -> Bytes {
        let mut tally = self.tally.borrow_mut();
        tally.next += 1;
        self.bodies[tally.next % self.bodies.len()].clone()
    }

    fn done(&self, success: bool, start: Instant) {
        let mut tally = self.tally.borrow_mut();
        if !tally.measuring {
            return;
        }
        if success {
            tally.requests += 1;
            tally.latency.saturating_record(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
        } else {
            tally.failed += 1;
        }
    }
}

async fn grpc_connection(shared: &Rc<Shared>) -> Result<()> {
    let client = Rc::new(grpc::Client::connect(shared.addr).await?);
    let streams: Vec<_> = (0..shared.load.streams)
        .map(|_| {
            let (client, shared) = (Rc::clone(&client), Rc::clone(shared));
            tokio::task::spawn_local(async move {
                let path = shared.load.signal.grpc_path();
                while Instant::now() < shared.end {
                    let start = Instant::now();
                    let answer = client.call_raw(path, shared.next(), &grpc::Options::default()).await?;
                    shared.done(answer.status == Some(0), start);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for stream in streams {
        stream.await??;
    }
    Ok(())
}

async fn http_connection(shared: &Rc<Shared>) -> Result<()> {
    let mut stream = TcpStream::connect(shared.addr).await?;
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(4096);
    while Instant::now() < shared.end {
        let start = Instant::now();
        stream.write_all(&shared.next()).await?;
        buffer.clear();
        while !buffer.windows(4).any(|window| window == b"\r\n\r\n") {
            if stream.read_buf(&mut buffer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
        // A success of OTLP/HTTP with protobuf has an empty body.
        shared.done(buffer.starts_with(b"HTTP/1.1 200"), start);
    }
    Ok(())
}
