//! Connect's `trace`: several lines that say what failed, what to do, and what happens next.

use std::net::SocketAddr;
use std::time::Duration;

/// What a person reads who looks at a FAILED task.
pub(super) fn of(
    connector: &str,
    why: &[String],
    tries: u32,
    pause: Duration,
    addrs: &[Option<SocketAddr>; 2],
) -> String {
    let mut text = format!("The connector {connector} does not do all that it should:\n");
    for line in why.iter().flat_map(|why| why.lines()) {
        text.push_str(&format!("\t{line}\n"));
    }
    for (what, addr) in ["OTLP/gRPC", "OTLP/HTTP"].iter().zip(addrs) {
        if let Some(addr) = addr {
            text.push_str(&format!("Meanwhile {what} is served on {addr}.\n"));
        }
    }
    let times = if tries == 1 { "once".to_owned() } else { format!("{tries} times") };
    text.push_str(&format!("It was tried {times} and is tried again after {} ms.", pause.as_millis()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_failed_and_what_happens_next() {
        let why = ["otlp.grpc.port: in use\nThe connector prod of this worker has that port.".to_owned()];
        let addrs = [None, Some(SocketAddr::from(([127, 0, 0, 1], 4318)))];
        assert_eq!(
            of("staging", &why, 3, Duration::from_millis(800), &addrs),
            "The connector staging does not do all that it should:\n\
             \totlp.grpc.port: in use\n\
             \tThe connector prod of this worker has that port.\n\
             Meanwhile OTLP/HTTP is served on 127.0.0.1:4318.\n\
             It was tried 3 times and is tried again after 800 ms."
        );
    }
}
