//! `listeners` and `admin.listeners`: where the REST API listens, and under which name others find it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use admin::Serves;
use config::{Key, Problem, Values};
use kafka_client::security::{ReadFile, java};
use rustls::ServerConfig;

use super::keys;
use super::origin::Pairs;
use crate::files;

/// One of `listeners` or `admin.listeners`.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    /// The key in which it stands.
    pub(crate) key: &'static str,
    /// Where to bind.
    pub(crate) addr: SocketAddr,
    /// What is served there.
    pub(crate) serves: Serves,
    /// What TLS offers and demands there; `None` for plain HTTP.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    https: bool,
    /// The host as written; empty for all addresses.
    host: String,
}

/// All listeners; never empty.
pub(super) fn listeners(
    worker: &Values,
    pairs: &Pairs,
    read: &ReadFile,
) -> Result<Vec<Listener>, Vec<Problem>> {
    let given = worker.is_given(&keys::LISTENERS);
    let older = worker.is_given(&keys::REST_HOST_NAME) || worker.is_given(&keys::REST_PORT);
    let urls = if older && !given {
        let host = worker.text(&keys::REST_HOST_NAME).unwrap_or("");
        let port = if worker.is_given(&keys::REST_PORT) { worker.int(&keys::REST_PORT) } else { 8083 };
        vec![format!("http://{host}:{port}")]
    } else {
        worker.list(&keys::LISTENERS).to_vec()
    };
    if urls.is_empty() {
        return Err(vec![problem(&keys::LISTENERS, "at least one is needed, such as http://:8083")]);
    }
    let admin = worker.is_given(&keys::ADMIN_LISTENERS);
    let serves = if admin { Serves::AllButAdmin } else { Serves::All };
    let all = urls.iter().map(|url| (url, &keys::LISTENERS, serves));
    let admins =
        worker.list(&keys::ADMIN_LISTENERS).iter().map(|url| (url, &keys::ADMIN_LISTENERS, Serves::Admin));
    let mut good = Vec::new();
    let mut problems = Vec::new();
    for (url, key, serves) in all.chain(admins) {
        match listener(url, key, serves) {
            Ok(listener) => good.push(listener),
            Err(why) => problems.push(problem(key, &why)),
        }
    }
    if good.iter().any(|listener| listener.https) {
        match tls(pairs, read) {
            Ok(tls) => {
                for listener in good.iter_mut().filter(|listener| listener.https) {
                    listener.tls = Some(Arc::clone(&tls));
                }
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(good) } else { Err(problems) }
}

/// What HTTPS offers: by `listeners.https.ssl.*` if there is any key of that beginning, else by `ssl.*`.
fn tls(pairs: &Pairs, read: &ReadFile) -> Result<Arc<ServerConfig>, Vec<Problem>> {
    const OWN: &str = "listeners.https.";
    let prefix = if pairs.keys().any(|name| name.starts_with(OWN)) { OWN } else { "" };
    let properties = pairs.iter().filter_map(|(name, given)| {
        let property = name.strip_prefix(prefix)?;
        property.starts_with("ssl.").then(|| (property.to_owned(), given.value.clone()))
    });
    java::server(&properties.collect(), Arc::clone(read)).map_err(|problems| {
        let problem =
            |problem: java::Problem| Problem::other(format!("{prefix}{}", problem.property), problem.why);
        problems.into_iter().map(problem).collect()
    })
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

fn problem(key: &Key, why: &str) -> Problem {
    Problem::other(key.name, why)
}

fn listener(url: &str, key: &'static Key, serves: Serves) -> Result<Listener, String> {
    let expected = || format!("{url}: expected http://HOST:PORT or https://HOST:PORT");
    let lower = url.to_ascii_lowercase();
    let (https, rest) = match lower.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, lower.strip_prefix("http://").ok_or_else(expected)?),
    };
    let (host, port) = rest
        .trim_end_matches('/')
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)))
        .ok_or_else(expected)?;
    let bind = if host.is_empty() { "0.0.0.0" } else { host.trim_start_matches('[').trim_end_matches(']') };
    let unknown = || format!("{url}: no address is known for the host {bind}");
    let addr = (bind, port).to_socket_addrs().map_err(|_| unknown())?.next().ok_or_else(unknown)?;
    Ok(Listener { key: key.name, addr, serves, tls: None, https, host: host.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_addresses() {
        let addr =
            |url| listener(url, &keys::LISTENERS, Serves::All).map(|listener| listener.addr.to_string());
        assert_eq!(addr("http://:8083").as_deref(), Ok("0.0.0.0:8083"));
        assert_eq!(addr("HTTP://127.0.0.1:9000/").as_deref(), Ok("127.0.0.1:9000"));
        assert_eq!(addr("http://[::1]:1").as_deref(), Ok("[::1]:1"));
        assert_eq!(
            addr("http://x"),
            Err("http://x: expected http://HOST:PORT or https://HOST:PORT".to_owned())
        );
        assert_eq!(
            addr("http://:99999"),
            Err("http://:99999: expected http://HOST:PORT or https://HOST:PORT".to_owned())
        );
        assert_eq!(
            addr("ftp://:1"),
            Err("ftp://:1: expected http://HOST:PORT or https://HOST:PORT".to_owned())
        );
        assert_eq!(addr("https://:8443").as_deref(), Ok("0.0.0.0:8443"));
    }
}
