//! A TCP fault proxy on loopback in front of brokers: connections are cut, stalled, delayed or half open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Bytes read at a time, and chunks on their way in each direction: 4 MiB at most.
const CHUNK_BYTES: usize = 64 << 10;
const CHUNKS: usize = 64;

/// A running proxy; its connections end with it.
#[derive(Debug)]
pub struct Proxy {
    fronts: Vec<Arc<Front>>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Front {
    faults: watch::Sender<Faults>,
    open: AtomicU64,
    cut: AtomicU64,
}

/// What befalls the connections to one broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Faults {
    /// Counts the cuts; a connection ends when it changes.
    cuts: u64,
    /// Counts the half-opens; a connection loses its broker, and stays open, when it changes.
    half_opens: u64,
    stalled: bool,
    delay: Duration,
}

impl Proxy {
    /// Listens on each first address and connects to the second one.
    ///
    /// # Panics
    ///
    /// When an address is taken.
    #[must_use]
    pub fn start(fronts: &[(SocketAddr, SocketAddr)]) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut listeners = Vec::new();
        for (front, back) in fronts {
            let listener = std::net::TcpListener::bind(front).expect("the front's port is free");
            listener.set_nonblocking(true).expect("a socket of ours");
            let faults = watch::Sender::new(Faults::default());
            let front = Arc::new(Front { faults, open: AtomicU64::new(0), cut: AtomicU64::new(0) });
            listeners.push((listener, *back, front));
        }
        let fronts = listeners.iter().map(|(_, _, front)| Arc::clone(front)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                for (listener, back, front) in listeners {
                    let listener = TcpListener::from_std(listener).expect("a socket of ours");
                    tokio::spawn(accept(listener, back, front));
                }
                let mut stopped = stopped;
                drop(stopped.wait_for(|stop| *stop).await);
            });
        });
        Self { fronts, stop, thread: Some(thread) }
    }

    /// How many brokers are behind it.
    #[must_use]
    pub fn brokers(&self) -> usize {
        self.fronts.len()
    }

    /// Ends all connections to a broker, with a reset; new ones are taken. Returns how many there were.
    pub fn cut(&self, broker: usize) -> u64 {
        let open = self.open(broker);
        self.fronts[broker].faults.send_modify(|faults| faults.cuts += 1);
        open
    }

    /// [`Proxy::cut`] for every broker.
    pub fn cut_all(&self) -> u64 {
        (0..self.fronts.len()).map(|broker| self.cut(broker)).sum()
    }

    /// Passes nothing on, in both directions, until [`Proxy::resume`]; connections are taken and stay open.
    pub fn stall(&self, broker: usize) {
        self.fronts[broker].faults.send_modify(|faults| faults.stalled = true);
    }

    /// Undoes [`Proxy::stall`]; what was held back goes on in order.
    pub fn resume(&self, broker: usize) {
        self.fronts[broker].faults.send_modify(|faults| faults.stalled = false);
    }

    /// Holds each byte back that long, each way; zero undoes it.
    pub fn delay(&self, broker: usize, each_way: Duration) {
        self.fronts[broker].faults.send_modify(|faults| faults.delay = each_way);
    }

    /// Closes the broker's side of all connections and leaves the client's open and silent.
    pub fn half_open(&self, broker: usize) {
        self.fronts[broker].faults.send_modify(|faults| faults.half_opens += 1);
    }

    /// Connections to a broker that are open now.
    #[must_use]
    pub fn open(&self, broker: usize) -> u64 {
        self.fronts[broker].open.load(Ordering::Relaxed)
    }

    /// Connections that were cut, of all brokers.
    #[must_use]
    pub fn cut_so_far(&self) -> u64 {
        self.fronts.iter().map(|front| front.cut.load(Ordering::Relaxed)).sum()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

async fn accept(listener: TcpListener, back: SocketAddr, front: Arc<Front>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let front = Arc::clone(&front);
        tokio::spawn(async move {
            // Before the broker is asked, so that a cut meanwhile counts.
            let faults = front.faults.subscribe();
            if let Ok(broker) = TcpStream::connect(back).await {
                front.open.fetch_add(1, Ordering::Relaxed);
                relay(client, broker, faults, &front).await;
                front.open.fetch_sub(1, Ordering::Relaxed);
            }
        });
    }
}

async fn relay(mut client: TcpStream, mut broker: TcpStream, faults: watch::Receiver<Faults>, front: &Front) {
    drop(client.set_nodelay(true).and(broker.set_nodelay(true)));
    let start = *faults.borrow();
    let (mut cut, mut halved) = (faults.clone(), faults.clone());
    let half = {
        let (from_client, to_client) = client.split();
        let (from_broker, to_broker) = broker.split();
        tokio::select! {
            _ = cut.wait_for(|now| now.cuts != start.cuts) => false,
            _ = halved.wait_for(|now| now.half_opens != start.half_opens) => true,
            () = pump(from_client, to_broker, faults.clone()) => return,
            () = pump(from_broker, to_client, faults.clone()) => return,
        }
    };
    if half {
        drop(broker);
        let mut rest = BytesMut::new();
        let swallow = async {
            while client.read_buf(&mut rest).await.is_ok_and(|count| count > 0) {
                rest.clear();
            }
        };
        tokio::select! {
            _ = cut.wait_for(|now| now.cuts != start.cuts) => {}
            () = swallow => return,
        }
    }
    front.cut.fetch_add(1, Ordering::Relaxed);
    drop(client.set_zero_linger());
}

/// One direction, until either side ends.
async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, faults: watch::Receiver<Faults>) {
    let (line, mut out) = mpsc::channel::<(Instant, Bytes)>(CHUNKS);
    let mut stalled = faults.clone();
    let read = async move {
        let mut buffer = BytesMut::with_capacity(CHUNK_BYTES);
        loop {
            buffer.reserve(CHUNK_BYTES);
            let count = from.read_buf(&mut buffer).await.unwrap_or(0);
            let due = Instant::now() + faults.borrow().delay;
            if count == 0 || line.send((due, buffer.split().freeze())).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((due, bytes)) = out.recv().await {
            tokio::time::sleep_until(due).await;
            if stalled.wait_for(|now| !now.stalled).await.is_err() || to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    // The writer ends after the reader, once everything has been passed on.
    tokio::pin!(write);
    tokio::select! {
        () = async { read.await; std::future::pending().await } => {}
        () = &mut write => {}
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;
    use crate::{ports, process};

    /// A proxy in front of a listener that sends everything back.
    fn echo() -> (Proxy, SocketAddr) {
        let back = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let behind = back.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in back.incoming() {
                let mut stream = stream.unwrap();
                let mut copy = stream.try_clone().unwrap();
                std::thread::spawn(move || drop(std::io::copy(&mut stream, &mut copy)));
            }
        });
        let front = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
        (Proxy::start(&[(front, behind)]), front)
    }

    fn connect(front: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(front).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        stream
    }

    fn round(stream: &mut TcpStream) -> std::io::Result<()> {
        stream.write_all(b"ping")?;
        stream.read_exact(&mut [0; 4])
    }

    #[test]
    fn bytes_go_through_in_order_and_a_delay_counts_both_ways() {
        let (proxy, front) = echo();
        let mut stream = connect(front);
        let sent: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let (mut writer, bytes) = (stream.try_clone().unwrap(), sent.clone());
        let writing = std::thread::spawn(move || writer.write_all(&bytes).unwrap());
        let mut got = vec![0; sent.len()];
        stream.read_exact(&mut got).unwrap();
        writing.join().unwrap();
        assert!(got == sent);
        proxy.delay(0, Duration::from_millis(40));
        let start = std::time::Instant::now();
        round(&mut stream).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(80), "{:?}", start.elapsed());
    }

    #[test]
    fn a_cut_ends_connections_and_takes_new_ones() {
        let (proxy, front) = echo();
        let mut stream = connect(front);
        round(&mut stream).unwrap();
        assert_eq!(proxy.cut_all(), 1);
        process::wait_for("it is cut", Duration::from_secs(5), || proxy.cut_so_far() == 1);
        assert_eq!(round(&mut stream).unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        round(&mut connect(front)).unwrap();
    }

    #[test]
    fn a_stall_holds_everything_back_and_a_half_open_one_is_silent() {
        let (proxy, front) = echo();
        let mut stream = connect(front);
        round(&mut stream).unwrap();
        proxy.stall(0);
        assert_eq!(round(&mut stream).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        proxy.resume(0);
        stream.read_exact(&mut [0; 4]).unwrap();
        proxy.half_open(0);
        assert_eq!(round(&mut stream).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        round(&mut connect(front)).unwrap();
    }
}
