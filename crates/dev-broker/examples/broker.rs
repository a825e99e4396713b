//! The embedded broker alone, for tests with foreign clients: `broker <port> <directory>`.
//!
//! Prints the address it listens on, and stops at Ctrl-C.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use dev_broker::{Broker, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(Ok(port)), Some(dir)) = (arguments.next().map(|port| port.parse::<u16>()), arguments.next())
    else {
        eprintln!("usage: broker <port> <directory>");
        return ExitCode::from(64);
    };
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match Broker::start(Config::new(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), dir)).await {
        Ok(broker) => {
            println!("{}", broker.addr());
            if let Err(error) = tokio::signal::ctrl_c().await {
                eprintln!("{error}");
            }
            broker.shutdown().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            eprintln!("{error}{cause}");
            ExitCode::FAILURE
        }
    }
}
