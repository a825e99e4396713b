//! Exports over a fixed number of connections and streams, as fast as they are answered or at a pace, and what that
//! measured.

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
    /// Requests a second over all streams; `None`: each goes out when the one before it is answered.
    pub pace: Option<u32>,
    /// Before the measurement.
    pub warmup: Duration,
    /// The measurement.
    pub length: Duration,
}

/// What is looked at while the load runs.
pub struct Watch<'a> {
    /// The server's process.
    pub server: u32,
    /// The brokers' processes.
    pub brokers: &'a [u32],
    /// Something that is counted elsewhere.
    pub count: &'a dyn Fn() -> u64,
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("server", &self.server)
            .field("brokers", &self.brokers)
            .finish_non_exhaustive()
    }
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
    /// CPU time of the brokers within it.
    pub broker_cpu: Duration,
    /// From request to answer, in microseconds; at a pace from when it was due, if the one before it was late.
    pub latency: Histogram<u64>,
    /// The server's resident memory at the end, in bytes.
    pub resident_bytes: u64,
    /// By how much [`Watch::count`] rose within it.
    pub counted: u64,
}

#[derive(Debug)]
struct Shared {
    load: Load,
    addr: SocketAddr,
    bodies: Vec<Bytes>,
    start: Instant,
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

/// Runs the load against the server on `addr`.
///
/// # Errors
///
/// When nothing was answered with success.
pub fn run(load: &Load, addr: SocketAddr, watch: &Watch<'_>) -> Result<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, measure(load.clone(), addr, watch))
}

async fn measure(load: Load, addr: SocketAddr, watch: &Watch<'_>) -> Result<Figures> {
    const VARIANTS: u64 = 16;
    let bodies = (0..VARIANTS).map(|seed| body(&load, seed)).collect();
    let latency = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    let tally = RefCell::new(Tally { measuring: false, next: 0, requests: 0, failed: 0, latency });
    let start = Instant::now();
    let end = start + load.warmup + load.length;
    let shared = Rc::new(Shared { load, addr, bodies, start, end, tally });
    let tasks: Vec<_> = (0..shared.load.connections)
        .map(|index| {
            let shared = Rc::clone(&shared);
            tokio::task::spawn_local(async move {
                if shared.load.http {
                    http_connection(&shared, index).await
                } else {
                    grpc_connection(&shared, index).await
                }
            })
        })
        .collect();
    tokio::time::sleep(shared.load.warmup).await;
    shared.tally.borrow_mut().measuring = true;
    let of_brokers = || watch.brokers.iter().map(|broker| process::cpu(*broker)).sum::<Duration>();
    let counted = (watch.count)();
    let (cpu, before, start) = (process::cpu(watch.server), of_brokers(), Instant::now());
    tokio::time::sleep(shared.load.length).await;
    shared.tally.borrow_mut().measuring = false;
    let (server_cpu, wall) = (process::cpu(watch.server).saturating_sub(cpu), start.elapsed());
    let broker_cpu = of_brokers().saturating_sub(before);
    let counted = (watch.count)().saturating_sub(counted);
    let resident_bytes = process::resident(watch.server).0;
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
        counted,
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

    /// The times at which a stream's requests are due; the streams take turns.
    fn turns(&self, stream: usize) -> Turns {
        let streams = u32::try_from(self.load.connections * self.load.streams).unwrap_or(u32::MAX);
        let every = self.load.pace.map(|pace| Duration::from_secs(1) * streams / pace.max(1));
        let first = every.unwrap_or_default() / streams * u32::try_from(stream).unwrap_or(0);
        Turns { due: self.start + first, every }
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

/// When a stream's requests go out.
#[derive(Debug)]
struct Turns {
    due: Instant,
    every: Option<Duration>,
}

impl Turns {
    /// Waits for the next one. Returns since when its answer is waited for.
    async fn next(&mut self) -> Instant {
        let Some(every) = self.every else { return Instant::now() };
        let due = self.due;
        self.due += every;
        let late = Instant::now() >= due;
        // A timer that rings late is ours; a stream that was not free is the server's.
        if late {
            return due;
        }
        tokio::time::sleep_until(due.into()).await;
        Instant::now()
    }
}

async fn grpc_connection(shared: &Rc<Shared>, index: usize) -> Result<()> {
    let client = Rc::new(grpc::Client::connect(shared.addr).await?);
    let streams: Vec<_> = (0..shared.load.streams)
        .map(|stream| {
            let (client, shared) = (Rc::clone(&client), Rc::clone(shared));
            tokio::task::spawn_local(async move {
                let path = shared.load.signal.grpc_path();
                let mut turns = shared.turns(index * shared.load.streams + stream);
                while Instant::now() < shared.end {
                    let start = turns.next().await;
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

async fn http_connection(shared: &Rc<Shared>, index: usize) -> Result<()> {
    let mut stream = TcpStream::connect(shared.addr).await?;
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(4096);
    let mut turns = shared.turns(index);
    while Instant::now() < shared.end {
        let start = turns.next().await;
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
