//! `listeners`: where the REST API listens, and under which name others find it.

use std::net::{SocketAddr, ToSocketAddrs};

use config::{Problem, Values};

use super::keys;
use crate::files;

/// One of `listeners`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listener {
    /// As the user wrote it.
    pub(crate) url: String,
    /// Where to bind.
    pub(crate) addr: SocketAddr,
    /// The host as written; empty for all addresses.
    host: String,
}

/// All listeners; never empty.
pub(super) fn listeners(worker: &Values) -> Result<Vec<Listener>, Vec<Problem>> {
    let given = worker.is_given(&keys::LISTENERS);
    let older = worker.is_given(&keys::REST_HOST_NAME) || worker.is_given(&keys::REST_PORT);
    if older && !given {
        let host = worker.text(&keys::REST_HOST_NAME).unwrap_or("");
        let port = if worker.is_given(&keys::REST_PORT) { worker.int(&keys::REST_PORT) } else { 8083 };
        return listener(&format!("http://{host}:{port}"))
            .map(|one| vec![one])
            .map_err(|why| vec![problem(&why)]);
    }
    let urls = worker.list(&keys::LISTENERS);
    if urls.is_empty() {
        return Err(vec![problem("at least one is needed, such as http://:8083")]);
    }
    let mut good = Vec::new();
    let mut problems = Vec::new();
    for url in urls {
        match listener(url) {
            Ok(listener) => good.push(listener),
            Err(why) => problems.push(problem(&why)),
        }
    }
    if problems.is_empty() { Ok(good) } else { Err(problems) }
}

/// `host:port` under which others reach the REST API; Connect's `worker_id`.
pub(super) fn advertised(worker: &Values, listener: &Listener) -> String {
    let host = worker.text(&keys::ADVERTISED_HOST_NAME).map_or_else(
        || match listener.host.as_str() {
            "" | "0.0.0.0" | "[::]" => files::host_name(),
            host => host.to_owned(),
        },
        str::to_owned,
    );
    if worker.is_given(&keys::ADVERTISED_PORT) {
        format!("{host}:{}", worker.int(&keys::ADVERTISED_PORT))
    } else {
        format!("{host}:{}", listener.addr.port())
    }
}

fn problem(why: &str) -> Problem {
    Problem::other(keys::LISTENERS.name, why)
}

fn listener(url: &str) -> Result<Listener, String> {
    let lower = url.to_ascii_lowercase();
    if lower.starts_with("https://") {
        return Err(format!("{url}: HTTPS for the REST API is not supported yet; use http://"));
    }
    let Some(rest) = lower.strip_prefix("http://") else {
        return Err(format!("{url}: expected http://HOST:PORT"));
    };
    let (host, port) = rest
        .trim_end_matches('/')
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)))
        .ok_or_else(|| format!("{url}: expected http://HOST:PORT"))?;
    let bind = if host.is_empty() { "0.0.0.0" } else { host.trim_start_matches('[').trim_end_matches(']') };
    let addr = (bind, port)
        .to_socket_addrs()
        .map_err(|_| format!("{url}: no address is known for the host {bind}"))?
        .next()
        .ok_or_else(|| format!("{url}: no address is known for the host {bind}"))?;
    Ok(Listener { url: url.to_owned(), addr, host: host.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_addresses() {
        let addr = |url| listener(url).map(|listener| listener.addr.to_string());
        assert_eq!(addr("http://:8083").as_deref(), Ok("0.0.0.0:8083"));
        assert_eq!(addr("HTTP://127.0.0.1:9000/").as_deref(), Ok("127.0.0.1:9000"));
        assert_eq!(addr("http://[::1]:1").as_deref(), Ok("[::1]:1"));
        assert_eq!(addr("http://x"), Err("http://x: expected http://HOST:PORT".to_owned()));
        assert_eq!(addr("http://:99999"), Err("http://:99999: expected http://HOST:PORT".to_owned()));
        assert_eq!(addr("ftp://:1"), Err("ftp://:1: expected http://HOST:PORT".to_owned()));
        assert_eq!(
            addr("https://:8443"),
            Err("https://:8443: HTTPS for the REST API is not supported yet; use http://".to_owned())
        );
    }
}
