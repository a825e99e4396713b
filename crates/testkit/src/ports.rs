//! Free loopback ports, outside of the range from which the kernel takes those of outgoing connections.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;
static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on which nobody listens; each call of a process gives another one.
///
/// # Panics
///
/// When no port of the range is free.
#[must_use]
pub fn free() -> u16 {
    // Processes start at different places, so that test binaries side by side do not meet.
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap_or(0).wrapping_mul(37) % COUNT;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = (u32::from(start) + u32::from(step)) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).unwrap_or(0);
        if TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}
