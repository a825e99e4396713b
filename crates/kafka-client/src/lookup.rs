//! Hop 7: names are looked up on threads of their own, so that a name server that hangs holds up nothing but the
//! connections to that name.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Threads that look names up, where nobody says how many.
const AT_ONCE: usize = 16;

/// How a name's addresses are found; blocks its thread.
type Resolver = dyn Fn(&Name) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// A host's name and a port.
type Name = (String, u16);

/// What there was to find; an error in words.
type Found = Result<Vec<SocketAddr>, String>;

/// Looks up names for the clients of one connector. Clones share the bound.
///
/// A system's resolver cannot be interrupted: a lookup that nobody waits for any more keeps its thread until the resolver
/// gives up. So each name is looked up once at a time, however many wait for it and however often they come again.
#[derive(Clone)]
pub struct Lookups(Arc<Inner>);

struct Inner {
    at_once: usize,
    resolver: Box<Resolver>,
    places: Arc<Semaphore>,
    /// One entry for each place that is taken.
    under_way: Mutex<HashMap<Name, watch::Receiver<Option<Found>>>>,
}

/// A lookup that goes on; at its end others may look the same name up.
struct UnderWay {
    inner: Arc<Inner>,
    name: Name,
    _place: OwnedSemaphorePermit,
}

impl Lookups {
    /// So many names at a time; more wait.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self::with(at_once, |(host, port): &Name| Ok((host.as_str(), *port).to_socket_addrs()?.collect()))
    }

    fn with(
        at_once: usize,
        resolver: impl Fn(&Name) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        let (resolver, places) = (Box::new(resolver), Arc::new(Semaphore::new(at_once)));
        Self(Arc::new(Inner { at_once, resolver, places, under_way: Mutex::default() }))
    }

    /// All addresses of the name, in the resolver's order; one at least. Errors are in words.
    ///
    /// # Cancellation
    ///
    /// A lookup that has begun goes on.
    pub(crate) async fn addresses(&self, host: &str, port: u16) -> Found {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![(address, port).into()]);
        }
        let name = (host.to_owned(), port);
        let known = self.0.lock().get(&name).cloned();
        let mut answer = match known {
            Some(answer) => answer,
            None => {
                let place = Arc::clone(&self.0.places).acquire_owned().await;
                self.begin(name, place.map_err(|error| error.to_string())?)?
            }
        };
        let found = answer.wait_for(Option::is_some).await;
        let found = found.ok().and_then(|found| found.clone());
        let addresses = found.unwrap_or_else(|| Err("the lookup broke off".to_owned()))?;
        if addresses.is_empty() { Err("the name has no address".to_owned()) } else { Ok(addresses) }
    }

    /// The answer that is to come, of a lookup that begins now or that another has begun meanwhile.
    fn begin(
        &self,
        name: Name,
        place: OwnedSemaphorePermit,
    ) -> Result<watch::Receiver<Option<Found>>, String> {
        let (tell, answer) = watch::channel(None);
        {
            let mut under_way = self.0.lock();
            if let Some(begun) = under_way.get(&name) {
                return Ok(begun.clone());
            }
            under_way.insert(name.clone(), answer.clone());
        }
        let work = UnderWay { inner: Arc::clone(&self.0), name, _place: place };
        let spawned = thread::Builder::new().name("lookup".into()).spawn(move || {
            let found = (work.inner.resolver)(&work.name).map_err(|error| error.to_string());
            drop(work);
            tell.send_replace(Some(found));
        });
        spawned.map_err(|error| format!("no thread to look it up: {error}"))?;
        Ok(answer)
    }
}

impl Default for Lookups {
    fn default() -> Self {
        Self::new(AT_ONCE)
    }
}

impl fmt::Debug for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookups").field("at_once", &self.0.at_once).finish_non_exhaustive()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<Name, watch::Receiver<Option<Found>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.inner.lock().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::task::Poll;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const WAIT: Duration = Duration::from_secs(20);
    const SLOW: &str = "slow.example";

    /// A name server that answers for `SLOW` only once the returned end is dropped, and its count of questions.
    fn hanging(at_once: usize) -> (Lookups, mpsc::SyncSender<()>, Arc<AtomicUsize>) {
        let (end, ended) = mpsc::sync_channel::<()>(1);
        let (ended, asked) = (Mutex::new(ended), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        let lookups = Lookups::with(at_once, move |(host, port): &Name| {
            count.fetch_add(1, Ordering::SeqCst);
            if host == SLOW && ended.lock().unwrap().recv().is_ok() {
                unreachable!("nothing is sent");
            }
            Ok(vec![([127, 0, 0, 1], *port).into()])
        });
        (lookups, end, asked)
    }

    /// A worker's runtime, whose only thread for large bodies must be free.
    fn on_worker<F: Future>(work: F) -> F::Output {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().max_blocking_threads(1).build().unwrap().block_on(work)
    }

    /// Whether it waits after its first turn.
    async fn waits(mut work: Pin<&mut impl Future>) -> bool {
        std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_pending())).await
    }

    fn local(port: u16) -> Found {
        Ok(vec![([127, 0, 0, 1], port).into()])
    }

    #[test]
    fn a_name_server_that_hangs_holds_up_neither_the_worker_nor_other_names() {
        on_worker(async {
            let (lookups, end, asked) = hanging(2);
            for _ in 0..10 {
                // Its connection gives up; the next one comes for the same name.
                let mut slow = pin!(lookups.addresses(SLOW, 1));
                assert!(waits(slow.as_mut()).await);
            }
            let large_body = tokio::task::spawn_blocking(|| 7);
            assert_eq!(timeout(WAIT, large_body).await.unwrap().unwrap(), 7);
            assert_eq!(timeout(WAIT, lookups.addresses("quick.example", 2)).await.unwrap(), local(2));
            assert_eq!(timeout(WAIT, lookups.addresses("::1", 3)).await.unwrap().unwrap().len(), 1);
            let slow = lookups.addresses(SLOW, 1);
            drop(end);
            assert_eq!(timeout(WAIT, slow).await.unwrap(), local(1));
            // The slow one once, whoever came, and at most once more after its end.
            assert!(asked.load(Ordering::SeqCst) <= 3);
        });
    }

    #[test]
    fn more_names_than_places_wait() {
        on_worker(async {
            let (lookups, end, _) = hanging(1);
            let mut slow = Box::pin(lookups.addresses(SLOW, 1));
            assert!(waits(slow.as_mut()).await);
            // Who gives up leaves the place to the resolver that still uses it.
            drop(slow);
            let mut quick = pin!(lookups.addresses("quick.example", 2));
            assert!(waits(quick.as_mut()).await);
            assert_eq!(lookups.0.places.available_permits(), 0);
            drop(end);
            assert_eq!(timeout(WAIT, quick).await.unwrap(), local(2));
        });
    }

    #[test]
    fn a_lookup_that_fails_says_why_and_the_next_one_asks_again() {
        on_worker(async {
            let calls = AtomicUsize::new(0);
            let lookups = Lookups::with(1, move |_| match calls.fetch_add(1, Ordering::SeqCst) {
                0 => Err(io::Error::other("no such name")),
                1 => Ok(Vec::new()),
                2 => panic!("of a test"),
                _ => Ok(vec![([127, 0, 0, 1], 9).into()]),
            });
            for why in ["no such name", "the name has no address", "the lookup broke off"] {
                assert_eq!(lookups.addresses("kafka", 9).await, Err(why.to_owned()));
            }
            assert_eq!(lookups.addresses("kafka", 9).await, local(9));
        });
    }

    #[test]
    fn the_systems_resolver_is_asked() {
        on_worker(async {
            let found = Lookups::default().addresses("localhost", 7).await.unwrap();
            assert!(found.iter().all(|it| it.ip().is_loopback() && it.port() == 7), "{found:?}");
        });
    }
}
